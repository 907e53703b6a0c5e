"""The catalogue as it will be once the statements planned so far have run.

A call of the schema editor is planned before anything of it is sent, and ``sqlmigrate`` sends nothing at all: what is
asked about a table in the meantime has to be asked under the names that the database still has, and answered under
the new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from .ddl import statements as s
from .ddl.names import names_in, plain_table
from .naming import unquote

Constraint = dict[str, Any]


class Projection:
    """Renames, additions and removals on top of the live catalogue. Tables are quoted SQL text, columns and
    constraints plain names.
    """

    def __init__(self) -> None:
        self.new_tables: set[str] = set()
        self.dropped: set[tuple[str, str]] = set()
        self.not_null: set[tuple[str, str]] = set()
        self.new_columns: set[tuple[str, str]] = set()
        self.with_default: set[tuple[str, str]] = set()
        self._without_identity: set[tuple[str, str]] = set()
        self._live_tables: dict[str, str] = {}
        self._live_columns: dict[tuple[str, str], str] = {}
        self._constraints: dict[str, dict[str, Constraint]] = {}

    def live_table(self, table: str) -> str:
        """The name under which the database has ``table`` today."""
        return self._live_tables.get(table, table)

    def live_column(self, table: str, column: str) -> str:
        return self._live_columns.get((table, column), column)

    def shown_column(self, table: str, live: str) -> str:
        """The name that a column of today will have."""
        for (renamed, column), name in self._live_columns.items():
            if renamed == table and name == live:
                return column
        return live

    def has(self, table: str, name: str) -> bool:
        """Whether a statement planned so far makes a constraint or index of this plain name."""
        return name in self._constraints.get(table, {})

    def loses_identity(self, table: str, live_column: str) -> bool:
        """Whether a statement planned so far takes the identity of a column away."""
        return (table, live_column) in self._without_identity

    def copy(self) -> Projection:
        return deepcopy(self)

    def constraints(self, table: str, live: dict[str, Constraint]) -> dict[str, Constraint]:
        """:param live: the result of Django's ``get_constraints`` for the table of today."""
        seen = {name: self._shown(table, value) for name, value in live.items() if (table, name) not in self.dropped}
        return seen | self._constraints.get(table, {})

    def _shown(self, table: str, constraint: Constraint) -> Constraint:
        columns = constraint.get("columns")
        if not columns:
            return constraint
        return constraint | {"columns": [self.shown_column(table, column) for column in columns]}

    def add_constraint(self, table: str, name: str, columns: list[str], **kind: Any) -> None:
        """Make a constraint or index visible to Django's introspection."""
        blank: Constraint = {
            "primary_key": False,
            "unique": False,
            "foreign_key": None,
            "check": False,
            "index": False,
            "type": None,
            "definition": None,
            "options": None,
        }
        self.dropped.discard((table, name))
        self._constraints.setdefault(table, {})[name] = blank | {"columns": columns} | kind

    def drop_constraint(self, table: str, name: str) -> None:
        if self._constraints.get(table, {}).pop(name, None) is None:
            self.dropped.add((table, name))

    def apply(self, statement: s.Statement) -> None:
        change = CHANGES.get(type(statement))
        if change is not None:
            change(self, statement)

    def rename_table(self, old: str, new: str) -> None:
        self._live_tables[new] = self._live_tables.pop(old, old)
        if old in self.new_tables:
            self.new_tables.remove(old)
            self.new_tables.add(new)
        for keyed in (self.dropped, self.not_null, self.new_columns, self.with_default):
            moved = {(new, name) for table, name in keyed if table == old}
            keyed -= {(old, name) for _, name in moved}
            keyed |= moved
        for (table, column), live in list(self._live_columns.items()):
            if table == old:
                self._live_columns[(new, column)] = self._live_columns.pop((table, column), live)
        if old in self._constraints:
            self._constraints[new] = self._constraints.pop(old)

    def rename_column(self, table: str, old: str, new: str) -> None:
        self._live_columns[(table, new)] = self._live_columns.pop((table, old), old)
        for keyed in (self.not_null, self.new_columns, self.with_default):
            if (table, old) in keyed:
                keyed.remove((table, old))
                keyed.add((table, new))
        for constraint in self._constraints.get(table, {}).values():
            constraint["columns"] = [new if column == old else column for column in constraint["columns"]]


def _create_table(p: Projection, statement: Any) -> None:
    p.new_tables.add(statement.table)


def _drop_table(p: Projection, statement: Any) -> None:
    p.new_tables.discard(statement.table)
    p._constraints.pop(statement.table, None)


def _add_unique(p: Projection, statement: Any) -> None:
    p.add_constraint(statement.table, unquote(statement.name), names_in(statement.columns), unique=True, index=True)


def _add_primary_key(p: Projection, statement: Any) -> None:
    columns = names_in(statement.columns)
    p.add_constraint(statement.table, unquote(statement.name), columns, unique=True, primary_key=True)
    p.not_null |= {(statement.table, column) for column in columns}


def _add_foreign_key(p: Projection, statement: Any) -> None:
    target = (plain_table(statement.to_table), unquote(statement.to_column))
    p.add_constraint(statement.table, unquote(statement.name), [unquote(statement.column)], foreign_key=target)


def _add_check(p: Projection, statement: Any) -> None:
    # Which columns a CHECK reads only the server knows; Django's own are about one column and stand quoted in the text.
    p.add_constraint(
        statement.table, unquote(statement.name), list(dict.fromkeys(names_in(statement.check))), check=True
    )


def _create_index(p: Projection, statement: Any) -> None:
    columns = list(statement.columns or ())
    kind = {"index": True, "unique": statement.unique, "type": "idx"}
    p.add_constraint(statement.table, unquote(statement.name), columns, **kind)


def _rename_named(p: Projection, statement: Any) -> None:
    constraint = p._constraints.get(statement.table, {}).pop(unquote(statement.name), None)
    if constraint is not None:
        p._constraints[statement.table][unquote(statement.new_name)] = constraint


def _drop_named(p: Projection, statement: Any) -> None:
    p.drop_constraint(statement.table, unquote(statement.name))


def _drop_identity(p: Projection, statement: Any) -> None:
    p._without_identity.add((statement.table, p.live_column(statement.table, unquote(statement.column))))


CHANGES: dict[type[s.Statement], Callable[[Projection, Any], None]] = {
    s.CreateTable: _create_table,
    s.DropTable: _drop_table,
    s.RenameTable: lambda p, x: p.rename_table(x.table, x.new_table),
    s.AddColumn: lambda p, x: p.new_columns.add((x.table, unquote(x.column))),
    s.RenameColumn: lambda p, x: p.rename_column(x.table, unquote(x.column), unquote(x.new_column)),
    s.SetDefault: lambda p, x: p.with_default.add((x.table, unquote(x.column))),
    s.DropDefault: lambda p, x: p.with_default.discard((x.table, unquote(x.column))),
    s.SetNotNull: lambda p, x: p.not_null.add((x.table, unquote(x.column))),
    s.DropIdentity: _drop_identity,
    s.DropNotNull: lambda p, x: p.not_null.discard((x.table, unquote(x.column))),
    s.AddUnique: _add_unique,
    s.AddPrimaryKey: _add_primary_key,
    s.AddForeignKey: _add_foreign_key,
    s.AddCheck: _add_check,
    s.CreateIndex: _create_index,
    s.RenameIndex: _rename_named,
    s.RenameConstraint: _rename_named,
    s.DropIndex: _drop_named,
    s.DropConstraint: _drop_named,
    s.DropForeignKey: _drop_named,
}
