"""The catalogue as it will be once the statements planned so far have run.

A call of the schema editor is planned before anything of it is sent, and ``sqlmigrate`` sends nothing at all: what is
asked about a table in the meantime has to be asked under the names that the database still has, and answered under
the new ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..ddl import statements as s
from ..ddl.spaces import BOTH, Space, spaces_of
from ..naming import names_in, plain_table, unquote
from .dependents import Dependent
from .planned_names import Constraint, PlannedNames, move

#: SQL of a user's own that may drop anything, by a name that does not stand in it.
ANYTHING = re.compile(r"\bCASCADE\b|^\s*(?:DO|CALL|SELECT|WITH)\b", re.I | re.M)


class Projection:
    """Renames, additions and removals on top of the live catalogue. Tables are quoted SQL text, columns and
    constraints plain names.
    """

    def __init__(self) -> None:
        self.new_tables: set[str] = set()
        self.dropped_tables: set[str] = set()
        #: Columns of today that will be gone.
        self.dropped_columns: set[tuple[str, str]] = set()
        #: The user's own SQL that is planned, and may have dropped something.
        self.own_sql: list[str] = []
        self.not_null: set[tuple[str, str]] = set()
        self.new_columns: set[tuple[str, str]] = set()
        self.with_default: set[tuple[str, str]] = set()
        #: New columns whose default stays.
        self.made_with_default: set[tuple[str, str]] = set()
        self._new_types: dict[tuple[str, str], str] = {}
        self._without_identity: set[tuple[str, str]] = set()
        self._live_tables: dict[str, str] = {}
        self._live_columns: dict[tuple[str, str], str] = {}
        self.names = {space: PlannedNames() for space in Space}
        #: The tables that were spoken of, under their names of today.
        self.spoken: set[str] = set()
        #: Names of indexes that Django does not know to be there.
        self.early: set[str] = set()

    def live_table(self, table: str) -> str:
        """The name under which the database has ``table`` today."""
        return self._live_tables.get(table, table)

    def shown_table(self, live: str) -> str:
        """The name that a table of today will have."""
        return next((name for name, today in self._live_tables.items() if today == live), live)

    def live_column(self, table: str, column: str) -> str:
        """Empty for a column that is still to be made: today's of this name, if there is one, is another one."""
        if (table, column) in self.new_columns:
            return ""
        return self._live_columns.get((table, column), column)

    def shown_column(self, table: str, live: str) -> str:
        """The name that a column of today will have."""
        for (renamed, column), name in self._live_columns.items():
            if renamed == table and name == live:
                return column
        return live

    def shown_name(self, table: str, live: str, space: Space) -> str:
        """The name that a constraint or index of today will have."""
        return self.names[space].shown(table, live)

    def live_name(self, kind: str, table: str, name: str) -> str:
        """Today's name of a column, or of a constraint or index; empty for one that is still to be made."""
        if kind == "column":
            return self.live_column(table, name)
        # Nothing depends on a constraint without an index.
        if self.has(table, name, Space.INDEXES):
            return ""
        return self.names[Space.INDEXES].live(table, name)

    def renamed_columns(self, table: str) -> list[tuple[str, str]]:
        """Columns of a table with another name today: the new one and today's."""
        return [(name, live) for (its, name), live in self._live_columns.items() if its == table and name != live]

    def new_types(self, table: str) -> list[tuple[str, str]]:
        """The columns that are still to be made, with their types."""
        types = self._new_types.items()
        return [
            (name, kind) for (its, name), kind in types if its == table and kind and (its, name) in self.new_columns
        ]

    def hides(self, table: str, live: str, space: Space) -> bool:
        """Whether a constraint or index of today will be gone, even if a new one has its name."""
        return self.names[space].hides(table, live)

    def has(self, table: str, name: str, *spaces: Space) -> bool:
        """Whether a statement planned so far makes a constraint or index of this plain name.

        :param spaces: where; anywhere unless given.
        """
        return any(self.names[space].has(table, name) for space in spaces or BOTH)

    def has_dropped(self, statement: s.DropConstraint) -> bool:
        """Whether a statement planned so far drops what this one does."""
        key = (statement.table, unquote(statement.name))
        return key in self.names[spaces_of(statement)[-1]].dropped

    def dropped(self, space: Space) -> frozenset[str]:
        """The names of what will be gone."""
        return frozenset(name for _, name in self.names[space].dropped)

    def may_drop(self, dependent: Dependent, spoken: str) -> bool:
        """Whether something that is planned, and has not run, may drop an object that depends on another one: a
        trigger, function, view or policy, or what belongs to a table.

        :param spoken: the object's table, as statements name it.
        """
        table = self.shown_table(spoken)
        if dependent.table and table in self.dropped_tables:
            return True
        if dependent.kind == "foreign key":
            return self.hides(table, dependent.name, Space.CONSTRAINTS)
        of_column = dependent.kind in ("generated column", "column", "default")
        if of_column and (table, dependent.name) in self.dropped_columns:
            return True
        return any(_names(sql, dependent.name) for sql in self.own_sql)

    def loses_identity(self, table: str, live_column: str) -> bool:
        """Whether a statement planned so far takes the identity of a column away."""
        return (table, live_column) in self._without_identity

    def copy(self) -> Projection:
        made = Projection()
        for name, value in vars(self).items():
            setattr(made, name, value.copy())
        made.names = {space: names.copy() for space, names in self.names.items()}
        return made

    def constraints(self, table: str, live: dict[str, Constraint]) -> dict[str, Constraint]:
        """:param live: the result of Django's ``get_constraints`` for the table of today."""
        spaces = {name: _space_of(value) for name, value in live.items()}
        seen = {
            self.shown_name(table, name, spaces[name]): self._shown(table, value)
            for name, value in live.items()
            if not self.hides(table, name, spaces[name])
        }
        # Django sees one of a name, and rather a constraint than an index.
        for space in BOTH:
            seen |= self.names[space].made.get(table, {})
        early = {name for name in self.early if name in seen and _space_of(seen[name]) is Space.INDEXES}
        return {name: value for name, value in seen.items() if name not in early}

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
        made = blank | {"columns": columns} | kind
        self.names[_space_of(made)].add(table, name, made)

    def drop_index(self, table: str, name: str) -> None:
        """Hide an index that goes with another one."""
        self.names[Space.INDEXES].drop(table, name)

    def apply(self, statement: s.Statement) -> None:
        tables = (statement.table, getattr(statement, "to_table", ""))
        self.spoken |= {self.live_table(table) for table in tables if table}
        change = CHANGES.get(type(statement))
        if change is not None:
            change(self, statement)

    def rename_table(self, old: str, new: str) -> None:
        self._live_tables[new] = self._live_tables.pop(old, old)
        if old in self.new_tables:
            self.new_tables.remove(old)
            self.new_tables.add(new)
        named = (
            self.dropped_columns,
            self.not_null,
            self.new_columns,
            self.with_default,
            self.made_with_default,
            self._without_identity,
        )
        for keyed in named:
            move(keyed, old, new)
        for renamed in (self._live_columns, self._new_types):
            for table, name in [key for key in renamed if key[0] == old]:
                renamed[(new, name)] = renamed.pop((table, name))
        for names in self.names.values():
            names.rename_table(old, new)

    def rename_column(self, table: str, old: str, new: str) -> None:
        if (table, old) not in self.new_columns:
            self._live_columns[(table, new)] = self._live_columns.pop((table, old), old)
        for keyed in (self.not_null, self.new_columns, self.with_default, self.made_with_default):
            if (table, old) in keyed:
                keyed.remove((table, old))
                keyed.add((table, new))
        if (table, old) in self._new_types:
            self._new_types[(table, new)] = self._new_types.pop((table, old))
        for names in self.names.values():
            names.rename_column(table, old, new)


def _names(sql: str, name: str) -> bool:
    """Whether a user's own SQL may be about an object of this plain name."""
    return bool(ANYTHING.search(sql) or re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql, re.I))


def _space_of(constraint: Constraint) -> Space:
    """Of one as Django's introspection has it."""
    has_index = constraint.get("unique") or constraint.get("index") or constraint.get("primary_key")
    return Space.INDEXES if has_index else Space.CONSTRAINTS


def _create_table(p: Projection, statement: Any) -> None:
    p.new_tables.add(statement.table)
    p.dropped_tables.discard(statement.table)


def _drop_table(p: Projection, statement: Any) -> None:
    p.new_tables.discard(statement.table)
    p.dropped_tables.add(statement.table)
    for names in p.names.values():
        names.made.pop(statement.table, None)


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
    for space in spaces_of(statement):
        p.names[space].rename(statement.table, unquote(statement.name), unquote(statement.new_name))


def _drop_named(p: Projection, statement: Any) -> None:
    for space in spaces_of(statement):
        p.names[space].drop(statement.table, unquote(statement.name))


def _add_column(p: Projection, statement: Any) -> None:
    column = (statement.table, unquote(statement.column))
    p.new_columns.add(column)
    p._new_types[column] = "".join(statement.definition[:1])
    if statement.has("DEFAULT") and not statement.python_default:
        p.with_default.add(column)
        p.made_with_default.add(column)


def _drop_column(p: Projection, statement: Any) -> None:
    column = (statement.table, unquote(statement.column))
    if live := p.live_column(*column):
        p.dropped_columns.add((statement.table, live))
    for known in (p.not_null, p.new_columns, p.with_default, p.made_with_default):
        known.discard(column)


def _drop_default(p: Projection, statement: Any) -> None:
    for known in (p.with_default, p.made_with_default):
        known.discard((statement.table, unquote(statement.column)))


def _drop_identity(p: Projection, statement: Any) -> None:
    p._without_identity.add((statement.table, p.live_column(statement.table, unquote(statement.column))))


CHANGES: dict[type[s.Statement], Callable[[Projection, Any], None]] = {
    s.CreateTable: _create_table,
    s.DropTable: _drop_table,
    s.RenameTable: lambda p, x: p.rename_table(x.table, x.new_table),
    s.AddColumn: _add_column,
    s.DropColumn: _drop_column,
    s.RenameColumn: lambda p, x: p.rename_column(x.table, unquote(x.column), unquote(x.new_column)),
    s.SetDefault: lambda p, x: p.with_default.add((x.table, unquote(x.column))),
    s.DropDefault: _drop_default,
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
    s.Raw: lambda p, x: p.own_sql.append(str(x.sql)),
}
