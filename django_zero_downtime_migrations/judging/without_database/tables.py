"""The tables of a project state.

They stand in for the catalogue without a database, or with a database that is ahead of the judged migration; they are
also what the running code knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.backends.utils import strip_quotes, truncate_name

from ...naming import Names
from ...server import names_of
from ...states.rendering import Key, kept, models_that_point_to
from .table import ConstraintOrIndex, Table


class Tables:
    """The tables of one project state, by quoted name.

    :param state: a ``JudgedState`` that does not change any more.
    :param scribe: see :class:`Table`.
    :param owners: models of tables found in another state; most tables still belong to them.
    """

    def __init__(self, state: Any, scribe: Any, owners: dict[str, tuple[Key, str]] | None = None) -> None:
        self.state = state
        self.scribe = scribe
        self._seen = {} if owners is None else owners
        self._known: dict[str, Table | None] = {}
        self._names = names_of(scribe.connection)

    @cached_property
    def _owners(self) -> dict[str, tuple[Key, str]]:
        """Return the model of each table, and the many-to-many field of a table between two models."""
        found: dict[str, tuple[Key, str]] = {}
        for key, state in self.state.models.items():
            for name, field in tables_of(state, self._names):
                found[name] = (key, field)
        return found

    def _owner(self, table: str) -> tuple[Key, str] | None:
        name = self._names.as_sql(table)
        seen = self._seen.get(name)
        state = self.state.models.get(seen[0]) if seen else None
        if seen and state and (name, seen[1]) in tables_of(state, self._names):
            return seen
        owner = self._owners.get(name)
        if owner is not None:
            self._seen[name] = owner
        return owner

    def get(self, table: str) -> Table | None:
        if table not in self._known:
            owner = self._owner(table)
            self._known[table] = self._made(*owner) if owner else None
        return self._known[table]

    def _made(self, key: Key, field: str) -> Table | None:
        model = self.state.apps.get_model(*key)
        if field:
            model = model._meta.get_field(field).remote_field.through
        # The result is kept with the class, which lives for as long as nothing of it changes.
        table: Table | None = model.__dict__.get("_judged_table")
        if table is None:
            table = model._judged_table = Table(model, self.scribe)
        return table

    def referencing(self, table: str) -> Iterator[tuple[Table, ConstraintOrIndex]]:
        """Yield the foreign keys of other tables that point to this one."""
        owner = self._owner(table)
        if owner is None or owner[1]:
            return
        key = owner[0]
        for other in [key, *models_that_point_to(self.state.models, key)]:
            for name, _ in tables_of(self.state.models.get(other), self._names):
                found = self.get(name) if name != self._names.as_sql(table) else None
                held = found.held if found else ()
                yield from ((found, each) for each in held if found and each.kind == "f" and each.to_table == table)

    # The knowledge of the code that still runs: see ``planning.context.OldCode``

    def knows(self, table: str, column: str | None = None) -> bool:
        found = self.get(table)
        return found is not None and (column is None or column in found.columns)

    def writes_null(self, table: str, column: str) -> bool:
        found = self.get(table)
        return found is not None and column in found.columns and found.columns[column].null

    def leaves_out(self, table: str, column: str) -> bool:
        found = self.get(table)
        of = found.columns.get(column) if found else None
        return of is not None and (of.has_default or of.identity)

    def keeps(self, table: str, kind: str, columns: Sequence[str], detail: str = "") -> bool:
        found = self.get(table)
        if found is None:
            return False
        return any(_as_strict(held, kind, set(columns), detail) for held in found.held)


def tables_of(state: Any, names: Names) -> list[tuple[str, str]]:
    """Return the tables of a model, as in SQL: its own, and its many-to-many fields' tables, with their names."""
    known = kept(state)
    if "tables" not in known:
        known["tables"] = _find_tables_of(state, names)
    found: list[tuple[str, str]] = known["tables"]
    return found


def _find_tables_of(state: Any, names: Names) -> list[tuple[str, str]]:
    options = state.options
    if options.get("proxy"):
        return []
    longest = connection.ops.max_name_length()
    table = options.get("db_table") or truncate_name(f"{state.app_label}_{state.name_lower}", longest)
    found = [(names.as_sql(table), "")]
    for name, field in state.fields.items():
        if field.many_to_many and getattr(field.remote_field, "through", None) is None:
            between = getattr(field, "db_table", None) or truncate_name(f"{strip_quotes(table)}_{name}", longest)
            found.append((names.as_sql(between), name))
    return found


def _as_strict(held: ConstraintOrIndex, kind: str, columns: set[str], detail: str) -> bool:
    match kind:
        case "u":
            return held.unique and not held.predicate and bool(held.columns) and columns >= set(held.columns)
        case "f":
            return held.kind == "f" and set(held.columns) == columns and held.to_table == detail
        case "c":
            return held.kind == "c" and _normal(held.text) == _normal(detail)
    return False


def _normal(text: str) -> str:
    return re.sub(r"[\s()]+", " ", text).strip()
