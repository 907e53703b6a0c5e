"""A closed world of the places and operations whose SQL we get: a new one may arrive without its template."""

from __future__ import annotations

import inspect

import pytest
from django.contrib.postgres import operations as postgres_operations
from django.db.migrations.operations import base, fields, models, special

from tests.contract.call_sites import execute_sites, known_sites, statement_sites
from tests.contract.operations import OPERATIONS

KNOWN = known_sites()
FOUND = sorted(execute_sites() | statement_sites())
FOUND_OPERATIONS = {
    name: value
    for module in (base, fields, models, special, postgres_operations)
    for name, value in vars(module).items()
    if inspect.isclass(value) and issubclass(value, base.Operation)
}
# The classes whose methods execute plain text.
WRITERS_OF_TEXT = {site.split(":")[1].split(".")[0] for site, kind in KNOWN.items() if kind == "untyped"}


@pytest.mark.parametrize("site", FOUND)
def test_call_site_is_known(site: str) -> None:
    assert site in KNOWN, "say in tests/contract/call_sites.txt how this SQL arrives"


@pytest.mark.parametrize("site", [site for site in FOUND if "execute('" in site])
def test_literal_that_is_executed_is_listed_as_untyped_or_as_a_question(site: str) -> None:
    assert KNOWN[site] in ("untyped", "question")


@pytest.mark.parametrize("site", [site for site in FOUND if "(self.sql_" in site])
def test_template_is_listed_as_typed(site: str) -> None:
    assert KNOWN[site] == "typed"


@pytest.mark.parametrize("operation", FOUND_OPERATIONS)
def test_operation_is_known(operation: str) -> None:
    assert operation in OPERATIONS, "say in tests/contract/operations.py how its SQL arrives"


@pytest.mark.parametrize("operation", [name for name in FOUND_OPERATIONS if OPERATIONS.get(name) != "base"])
def test_operation_is_listed_as_untyped_if_it_executes_plain_text(operation: str) -> None:
    classes = {ancestor.__name__ for ancestor in FOUND_OPERATIONS[operation].__mro__}
    assert bool(classes & WRITERS_OF_TEXT) == (OPERATIONS[operation] == "untyped")
