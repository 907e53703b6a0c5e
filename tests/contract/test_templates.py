"""A closed world of `sql_*` templates: a new one, or a new placeholder in an old one, has to be looked at."""

from __future__ import annotations

import ast
import re

import pytest
from django.db.backends.postgresql.schema import DatabaseSchemaEditor

from django_zero_downtime_migrations.ddl.read import READERS
from tests.contract.django_source import installed, tree
from tests.contract.templates import POSTGIS_TEMPLATES, TEMPLATES, Known

POSTGRES = {name: getattr(DatabaseSchemaEditor, name) for name in dir(DatabaseSchemaEditor) if name.startswith("sql_")}
POSTGIS = {
    target.id: ast.literal_eval(statement.value)
    for node in tree(installed() / "contrib/gis/db/backends/postgis/schema.py").body
    if isinstance(node, ast.ClassDef)
    for statement in node.body
    if isinstance(statement, ast.Assign)
    for target in statement.targets
    if isinstance(target, ast.Name) and target.id.startswith("sql_")
}
FOUND = {**POSTGRES, **POSTGIS}
KNOWN = {**TEMPLATES, **POSTGIS_TEMPLATES}
WHERE = "tests/contract/templates.py"


def known(name: str) -> Known:
    assert name in KNOWN, f"Django's template {name} is not in {WHERE}: {FOUND[name]!r}"
    return KNOWN[name]


@pytest.mark.parametrize("name", FOUND)
def test_template_is_classified(name: str) -> None:
    known(name)


@pytest.mark.parametrize("name", FOUND)
def test_placeholders_of_template_are_known(name: str) -> None:
    placeholders = set(re.findall(r"%\((\w+)\)", FOUND[name] or ""))
    new = placeholders - known(name).always - known(name).sometimes
    gone = known(name).always - placeholders
    assert not new and not gone, f"{name} in {WHERE}: new placeholders {new}, missing {gone}, text {FOUND[name]!r}"


@pytest.mark.parametrize("name", FOUND)
def test_number_of_statements_in_template_is_known(name: str) -> None:
    assert (";" in (FOUND[name] or "")) == known(name).several, f"{name}: {FOUND[name]!r}"


@pytest.mark.parametrize("name", [name for name in POSTGRES if POSTGRES[name] is None])
def test_template_without_text_is_unused(name: str) -> None:
    assert known(name).kind == "unused"


@pytest.mark.parametrize("name", POSTGIS)
def test_postgis_adds_only_fragments(name: str) -> None:
    assert known(name).kind == "fragment"


@pytest.mark.parametrize("name", [name for name, template in TEMPLATES.items() if template.kind == "statement"])
def test_statement_template_is_read(name: str) -> None:
    assert name in READERS


@pytest.mark.parametrize("name", READERS)
def test_what_is_read_is_a_statement_template(name: str) -> None:
    assert KNOWN[name].kind in ("statement", "alias")
