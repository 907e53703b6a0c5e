"""Every operation of Django's is one of which it is known what it is."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.operation_facts import FACTS, ON_STATE, UNKNOWN, facts

#: In the table, and not in every Django that is supported.
LATER = {"AlterConstraint"}
for package in FACTS:
    importlib.import_module(package)


def walked(kind: type[Operation]) -> Iterator[type[Operation]]:
    for each in kind.__subclasses__():
        yield each
        yield from walked(each)


def operations() -> Iterator[type[Operation]]:
    """Yield the operations of Django and of the package that can be run; a base class cannot."""
    for each in walked(Operation):
        if each.__module__.startswith(tuple(FACTS)) and each.database_forwards is not Operation.database_forwards:
            yield each


@pytest.mark.parametrize("kind", list(operations()), ids=lambda kind: kind.__name__)
def test_operation_has_been_judged(kind: type[Operation]) -> None:
    assert facts(kind) is not UNKNOWN, f"{kind.__name__} is new: say in operation_facts.py what it is"
    assert facts(kind, ON_STATE) is not UNKNOWN


def test_operations_are_found() -> None:
    names = {kind.__name__ for kind in operations()}
    assert {"AddField", "RunPython", "TrigramExtension", "ValidateConstraint", "SafetyAssured"} <= names


def test_operation_that_runs_others_is_one_that_says_so() -> None:
    """A class that takes operations as an argument keeps them under the name in the table."""
    for kind in operations():
        taken = [name for name in kind.serialization_expand_args if name.endswith("operations")]
        runs = [name for name in taken if name != "state_operations"]
        assert [facts(kind).inside] == (runs or [""]), kind.__name__


@pytest.mark.parametrize("package", FACTS)
def test_table_has_nothing_that_is_no_operation(package: str) -> None:
    there = {kind.__name__ for kind in walked(Operation) if f"{kind.__module__}.".startswith(f"{package}.")}
    assert FACTS[package].keys() - there <= LATER
