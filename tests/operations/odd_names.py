"""The cases once more with names that need quotes: capitals, spaces and letters that take two bytes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.contrib.postgres.operations import ValidateConstraint
from django.db.migrations import operations as o
from django.db.migrations.operations.base import Operation

from .case import Case

#: What follows from their names is what the case is about, or the names are in SQL.
LEFT_OUT = (o.RenameModel, o.RenameField, o.RunSQL, o.RunPython, o.SeparateDatabaseAndState)


def odd_cases(cases: Sequence[Case]) -> Iterator[Case]:
    for case in filter(_can_have_them, cases):
        before, operations = (copy.deepcopy(list(x)) for x in (case.before, case.operations))
        for operation in (*before, *operations):
            _rename(operation)
        yield replace(case, before=before, operations=operations)


def _can_have_them(case: Case) -> bool:
    """Return False where names stand in SQL, and for the cases of names, which have odd ones already."""
    if case.data or case.random or case.name.startswith("names/"):
        return False
    return not any(isinstance(operation, LEFT_OUT) for operation in case.operations)


def _rename(operation: Operation) -> None:
    match operation:
        case o.CreateModel():
            _rename_model(operation)
        case o.AddField() | o.AlterField():
            _rename_column(operation.name, operation.field)
        case o.AddIndex():
            operation.index.name = _odd_index(operation.index.name)
        case o.AddConstraint():
            operation.constraint.name = _odd(operation.constraint.name)
        case o.RemoveIndex():
            operation.name = _odd_index(operation.name)
        case o.RemoveConstraint() | ValidateConstraint():
            operation.name = _odd(operation.name)
        case o.RenameIndex():
            operation.new_name = _odd_index(operation.new_name)
            operation.old_name = operation.old_name and _odd_index(operation.old_name)
        case o.AlterModelTable():
            operation.table = operation.table and _odd(operation.table)
    if type(operation).__name__ == "AlterConstraint":
        altered: Any = operation
        altered.name = altered.constraint.name = _odd(altered.name)


def _rename_model(operation: o.CreateModel) -> None:
    if not operation.options.get("proxy") and not operation.options.get("abstract"):
        operation.options.setdefault("db_table", f"Täble {operation.name}")
    for name, field in operation.fields:
        _rename_column(name, field)
    for index in operation.options.get("indexes", ()):
        index.name = _odd_index(index.name)
    for constraint in operation.options.get("constraints", ()):
        constraint.name = _odd(constraint.name)


def _rename_column(name: str, field: Any) -> None:
    if not field.many_to_many and type(field).__name__ != "CompositePrimaryKey":
        field.db_column = _odd(field.db_column or name)


def _odd(name: str) -> str:
    return f"Ö {name}"


def _odd_index(name: str) -> str:
    """Return the name of an index, which Django wants to have at most 30 characters."""
    return _odd(name)[:30]
