"""Obstacles to code that does not know a column or table, and to knowing it again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from ..catalog.planned import PlannedCatalog
from ..catalog.records import Constraint
from ..django_types import Connection, Field
from ..errors import CannotMigrate
from ..execution.session.questions import ask
from ..naming import Names
from . import removals

#: Tests that may be false. A comparison with NULL is not false, and a CHECK only refuses a row for which it is false.
_MAY_FAIL_FOR_NULL: Final = re.compile(r"\bIS\b|\bCASE\b|\bCOALESCE\b|\bNOT\b|\w\(", re.I)


def refuse_what_cannot_stay(owed_by: str, going: Sequence[removals.Goes], catalog: PlannedCatalog) -> None:
    """Refuse a removal that cannot be plain.

    :param owed_by: the operation, by its name.
    :raises CannotMigrate: when the new code could not work with what would stay, and an obstacle could not be made
        again from the models.
    """
    reasons = [reason for goes in going for reason in _reasons(goes, catalog)]
    if reasons:
        raise CannotMigrate(
            f"With EXPAND_CONTRACT what {owed_by} removes stays for old code, and the new code could not work with it: "
            f"{'; '.join(reasons)}. Drop that in an operation before, or, where no old code runs, put the operation "
            'into SafetyAssured([...], reason="..."), or migrate with OLD_CODE = "absent".'
        )


def _reasons(goes: removals.Goes, catalog: PlannedCatalog) -> Iterator[str]:
    field = goes.field
    if field is not None and field.primary_key:
        yield f"{field.name} is the primary key"
        return
    kept = removals.stays([goes], catalog.names)
    [table], column = kept.tables, kept.column
    constraints = [x for x in catalog.constraints(table) if not x.part and (not column or column in x.columns)]
    known = {(removals.column(x, catalog.names),) for x in _keys(goes)}
    yield from (f"foreign key {x.name}, which is not of the model" for x in _unknown_keys(constraints, known))
    if field is None:
        return
    yield from (f"{x.definition}" for x in constraints if x.kind == "c" and _may_fail(x, field))
    never_null = removals.has_value(field) and not getattr(field, "generated", False)
    for unique in (x for x in constraints if x.kind == "u"):
        if never_null or "NULLS NOT DISTINCT" in unique.definition:
            yield f"{unique.name}, {unique.definition}: new rows would all have the same value"
    for index in catalog.indexes(table):
        if index.unique and not index.of_constraint and column in index.touches and (never_null or not index.plain):
            yield f"unique index {index.name}"


def _keys(goes: removals.Goes) -> Iterable[Field]:
    return (x for x in removals.fields(goes) if getattr(x, "db_constraint", False))


def _unknown_keys(constraints: Iterable[Constraint], known: Collection[object]) -> list[Constraint]:
    return [x for x in constraints if x.kind == "f" and x.columns not in known and not x.inherited]


def _may_fail(check: Constraint, field: Field) -> bool:
    """Return whether a row without a value may violate a CHECK. A value that the database gives fulfils its own."""
    if removals.has_value(field) and len(check.columns) == 1:
        return False
    return bool(_MAY_FAIL_FOR_NULL.search(check.definition.removeprefix("CHECK ")))


def refuse_what_rows_violate(connection: Connection, names: Names, now: Any, wanted: Any, default: Any) -> None:
    """Ask for violating rows before anything is sent to take a removal back.

    :param now: the field as its column is.
    :param default: what Django would give to each row.
    :raises CannotMigrate: when rows of new code have no value, or point to what it has deleted.
    """
    table, column = names.as_sql(now.model._meta.db_table), names.as_sql(now.column)
    if now.null and not wanted.null and default is None and ask(connection, _without_value(table, column)):
        raise CannotMigrate(
            f"The new code has inserted rows into {table} without {column}, which is NOT NULL and has no default. Give "
            f"them a value (UPDATE {table} SET {column} = … WHERE {column} IS NULL), or the field a default in its "
            "migration, and migrate again. Nothing was changed."
        )
    if not getattr(wanted, "db_constraint", False) or now.db_constraint:
        return
    target = wanted.target_field
    other, key = names.as_sql(target.model._meta.db_table), names.as_sql(target.column)
    dangling = _dangling(column, other, key)
    if ask(connection, f"SELECT 1 FROM {table} c WHERE {dangling} LIMIT 1"):
        raise CannotMigrate(
            f"The new code has deleted rows of {other} to which {column} of {table} points. Delete those rows too "
            f"(DELETE FROM {table} c WHERE {dangling})"
            + (f", or take the value away (UPDATE {table} c SET {column} = NULL WHERE {dangling})" * wanted.null)
            + ", and migrate again. Nothing was changed."
        )


def _without_value(table: str, column: str) -> str:
    return f"SELECT 1 FROM {table} WHERE {column} IS NULL LIMIT 1"


def _dangling(column: str, other: str, key: str) -> str:
    there = f"SELECT 1 FROM {other} p WHERE p.{key} OPERATOR(pg_catalog.=) c.{column}"
    return f"c.{column} IS NOT NULL AND NOT EXISTS ({there})"
