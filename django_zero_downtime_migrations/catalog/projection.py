"""The catalogue as it will be once the statements planned so far have run.

A call of the schema editor is planned before anything of it is sent, and ``sqlmigrate`` sends nothing at all. In the
meantime, a question about a table has to be asked under the names that the database still has, and answered under the
new ones.
"""

from __future__ import annotations

import re
from typing import Any

from ..ddl import statements as s
from ..ddl.spaces import BOTH, Space, spaces_of
from ..naming import quote, unquote
from .dependents import Dependent
from .planned_table import Constraint, PlannedColumn, PlannedTable

#: A user's own SQL that may drop anything, by a name that does not stand in it.
ANYTHING = re.compile(r"\bCASCADE\b|^\s*(?:DO|CALL|SELECT|WITH)\b", re.I | re.M)


class Projection:
    """Renames, additions and removals on top of the live catalogue. Tables are quoted SQL text, columns and
    constraints plain names.

    :ivar tables: the tables of which something is known, by the names that they will have.
    :ivar dropped_tables: the names of dropped tables; another table may have the name since.
    :ivar own_sql: the user's own planned SQL. It may have dropped something: also a trigger, a function, or
        anything else that is not part of a table.
    :ivar spoken: the tables that statements have named, under their names of today.
    :ivar early: names of indexes that Django does not know to be there.
    :ivar owed: what is planned to stay for old code, though Django does not know it any more, by the operation that
        owes it; None for today's debts that are planned to end.
    :ivar shown: tables that are planned to have a view in their place, by its name; None for a view of today that is
        planned to become the table again.
    :ivar unseen: tables and columns that are made when a planned view is there already, which does not show them.
    :ivar dropped_functions: plain names of the functions of dropped triggers.
    """

    def __init__(self) -> None:
        self.tables: dict[str, PlannedTable] = {}
        self.dropped_tables: set[str] = set()
        self.own_sql: list[str] = []
        self.spoken: set[str] = set()
        self.early: set[str] = set()
        self._own: set[str] = set()
        self.owed: dict[str, s.Owe | None] = {}
        self.shown: dict[str, s.ShowBoth | None] = {}
        self.unseen: set[tuple[str, str]] = set()
        self._left: dict[str, str] = {}
        self.dropped_functions: set[str] = set()

    def copy(self) -> Projection:
        """Return a copy. Both share their tables until one of them changes one."""
        self._own = set()
        made = Projection()
        made.tables = self.tables.copy()
        made.dropped_tables = self.dropped_tables.copy()
        made.own_sql = self.own_sql.copy()
        made.spoken = self.spoken.copy()
        made.early = self.early.copy()
        made.owed = self.owed.copy()
        made.shown = self.shown.copy()
        made.unseen = self.unseen.copy()
        made._left = self._left
        made.dropped_functions = self.dropped_functions.copy()
        return made

    def table(self, name: str) -> PlannedTable:
        """Return the knowledge of a table, to be changed."""
        if name not in self._own:
            found = self.tables.get(name)
            self.tables[name] = PlannedTable(live=name) if found is None else found.copy()
            self._own.add(name)
        return self.tables[name]

    def _known(self, name: str) -> PlannedTable:
        """Return the knowledge of a table, to be read."""
        return self.tables.get(name) or PlannedTable(live=name)

    @property
    def new_tables(self) -> set[str]:
        """The tables that are still to be made."""
        return {name for name, table in self.tables.items() if table.new}

    def is_new(self, table: str) -> bool:
        """Whether a table is still to be made."""
        return table in self.tables and self.tables[table].new

    def live_table(self, table: str) -> str:
        """The name under which the database has ``table`` today."""
        return self.tables[table].live if table in self.tables else self._left.get(table, table)

    def shown_table(self, live: str) -> str:
        """The name that a table of today will have."""
        return next((name for name, table in self.tables.items() if table.live == live != name), live)

    # Columns

    def column(self, table: str, column: str) -> PlannedColumn:
        """Return the plan for a column, to be read."""
        return self._known(table).columns.get(column) or PlannedColumn(live=column)

    def live_column(self, table: str, column: str) -> str:
        """Return today's name; empty for a column that is still to be made: a column of today with this name is another
        one.
        """
        return self._known(table).live_column(column)

    def shown_column(self, table: str, live: str) -> str:
        """The name that a column of today will have."""
        return self._known(table).shown_column(live)

    def renamed_columns(self, table: str) -> list[tuple[str, str]]:
        """Columns of a table with another name today: the new one and today's."""
        columns = self._known(table).columns.items()
        return [(name, column.live) for name, column in columns if column.live and column.live != name]

    def new_types(self, table: str) -> list[tuple[str, str]]:
        """The columns that are still to be made, with their types."""
        columns = self._known(table).columns.items()
        return [(name, column.type) for name, column in columns if not column.live and column.type]

    def drops_columns(self) -> bool:
        """Whether any column of today will be gone."""
        return any(table.dropped_columns for table in self.tables.values())

    def is_gone(self, table: str, column: str) -> bool:
        """Whether a column of today that still has this name will be gone."""
        return table in self.dropped_tables or column in self._known(table).dropped_columns

    def own_sql_names(self, name: str) -> bool:
        """Whether the user's own SQL that is planned may be about something of this plain name."""
        return any(_names(sql, name) for sql in self.own_sql)

    # Constraints and indexes

    def shown_name(self, table: str, live: str, space: Space) -> str:
        """The name that a constraint or index of today will have."""
        return self._known(table).names[space].shown(live)

    def live_name(self, kind: str, table: str, name: str) -> str:
        """Today's name of a column, or of a constraint or index; empty for one that is still to be made."""
        if kind == "column":
            return self.live_column(table, name)
        # A constraint without an index has no dependents.
        if self.has(table, name, Space.INDEXES):
            return ""
        return self._known(table).names[Space.INDEXES].live(name)

    def hides(self, table: str, live: str, space: Space) -> bool:
        """Whether a constraint or index of today will be gone, even if a new one has its name."""
        return live in self.hidden(table, space)

    def hidden(self, table: str, space: Space) -> frozenset[str]:
        """Today's names of the constraints or indexes that will be gone."""
        return frozenset(self._known(table).names[space].hidden)

    def made(self, table: str, space: Space) -> list[Constraint]:
        """The constraints or indexes that are still to be made."""
        return list(self._known(table).names[space].made.values())

    def has(self, table: str, name: str, *spaces: Space) -> bool:
        """Return whether a planned statement makes a constraint or index of this plain name.

        :param spaces: the spaces to look in; all of them unless given.
        """
        return any(name in self._known(table).names[space].made for space in spaces or BOTH)

    def drops(self, table: str, name: str, *spaces: Space) -> bool:
        """Return whether a planned statement drops a constraint or index that has this plain name then.

        :param spaces: the spaces to look in; all of them unless given.
        """
        return any(name in self._known(table).names[space].dropped for space in spaces or BOTH)

    def has_dropped(self, statement: s.DropConstraint) -> bool:
        """Return whether a planned statement drops the same as this one."""
        return self.drops(statement.table, unquote(statement.name), spaces_of(statement)[-1])

    def dropped(self, space: Space) -> frozenset[str]:
        """Return the names of all objects that will be gone, of all tables."""
        return frozenset(name for table in self.tables.values() for name in table.names[space].dropped)

    def may_drop(self, dependent: Dependent, spoken: str) -> bool:
        """Return whether something that is planned, and has not run, may drop an object that depends on another one: a
        trigger, function, view or policy, or what belongs to a table.

        :param spoken: the object's table, as statements name it.
        """
        table = self.shown_table(spoken)
        if dependent.table and table in self.dropped_tables:
            return True
        if dependent.kind == "trigger" and dependent.name in self.dropped_triggers(table):
            return True
        if dependent.kind == "function" and dependent.name in self.dropped_functions:
            return True
        if dependent.kind == "foreign key":
            return self.hides(table, dependent.name, Space.CONSTRAINTS)
        of_column = dependent.kind in ("generated column", "column", "default")
        if of_column and dependent.name in self._known(table).dropped_columns:
            return True
        return self.own_sql_names(dependent.name)

    # Triggers

    def triggers(self, table: str, column: str) -> list[Dependent]:
        """The triggers that are still to be made and name a column, on which they will depend."""
        names = [name for name, of in self._known(table).triggers.items() if of == column]
        return [Dependent("trigger", "DROP TRIGGER", quote(name), table, table, name) for name in names]

    def dropped_triggers(self, table: str) -> frozenset[str]:
        """The plain names of the triggers of a table that will be gone."""
        return frozenset(self._known(table).dropped_triggers)

    # The answers for Django's introspection

    def constraints(self, table: str, live: dict[str, Constraint]) -> dict[str, Constraint]:
        """Return the constraints that Django sees.

        :param live: the result of Django's ``get_constraints`` for the table of today.
        """
        spaces = {name: _space_of(value) for name, value in live.items()}
        seen = {
            self.shown_name(table, name, spaces[name]): self._shown(table, value)
            for name, value in live.items()
            if not self.hides(table, name, spaces[name])
        }
        # Django sees one object of a name, and rather a constraint than an index.
        for space in BOTH:
            seen |= self._known(table).names[space].made
        early = {name for name in self.early if name in seen and _space_of(seen[name]) is Space.INDEXES}
        return {name: value for name, value in seen.items() if name not in early}

    def _shown(self, table: str, constraint: Constraint) -> Constraint:
        columns = constraint.get("columns")
        if not columns:
            return constraint
        return constraint | {"columns": [self.shown_column(table, column) for column in columns]}

    # The changes by a plan

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
        self.table(table).names[_space_of(made)].add(name, made)

    def drop_index(self, table: str, name: str) -> None:
        """Hide an index that is dropped with another one."""
        self.table(table).names[Space.INDEXES].drop(name)

    def speak_of(self, *tables: str) -> None:
        """Note the tables that a statement names."""
        self.spoken |= {self.live_table(table) for table in tables if table}

    def rename_table(self, old: str, new: str) -> None:
        live = self.table(old).live
        if live not in ("", old):
            # Django may ask for a table by the name that it had before the operation.
            self._left = {**self._left, old: live}
        self.tables[new] = self.tables.pop(old)
        self._own.discard(old)
        self._own.add(new)


def _names(sql: str, name: str) -> bool:
    """Whether a user's own SQL may be about an object of this plain name."""
    return bool(ANYTHING.search(sql) or re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql, re.I))


def _space_of(constraint: Constraint) -> Space:
    """Return the space of a constraint in Django's introspection."""
    has_index = constraint.get("unique") or constraint.get("index") or constraint.get("primary_key")
    return Space.INDEXES if has_index else Space.CONSTRAINTS
