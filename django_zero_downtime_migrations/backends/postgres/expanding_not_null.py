"""The part of the schema editor that lets old code leave out what new code always writes, with EXPAND_CONTRACT.

A plain AddField of a NOT NULL field with a default in Python keeps the default in the database, and writes down that
its removal is owed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...ddl import statements as s
from ...django_types import Field, Model
from ...errors import CannotMigrate
from ...migrate_run import fills, removals
from ...migrate_run.migration_at_work import Own
from ...naming import quote
from .counting_old_writes import CountingOldWrites
from .expanding import owe


class ExpandingNotNull(CountingOldWrites):
    """The methods for defaults. This class precedes the recording ones."""

    execute: Any
    sql_alter_column: str
    _alter_column_default_sql: Any
    #: The field that is being added, and whose default stays.
    _with_default: Field | None = None
    #: The call that is being planned is about a table that no old code is using.
    _nobody_there = False

    def _stays_for_old_code(self, name: str, table: str) -> Own | None:
        """Return the running operation if old code may be using its table.

        :param name: the name of the operation's class.
        """
        own = self._own_operation() if self._may_leave else None
        if own is None or not removals.is_plain(own, name, backwards=False):
            return None
        if not self._has_traffic(table):
            return None
        self._nobody_there = self._is_alone(own, (table,))
        return None if self._nobody_there else own

    @property
    def _no_old_code(self) -> str:
        """The reason why no finding about old code counts; empty if findings count."""
        if self.settings.old_code == "absent":
            return 'OLD_CODE is "absent"'
        return "nobody else is connected, or the table is empty" if self._nobody_there else ""

    def _owes(self, own: Own, kept: removals.Stays, note: str = "") -> None:
        written = "" if self._call.past else self._owing(own.whose, kept)
        self._record(owe(own.whose, kept, written, note))

    # A new column

    def add_field(self, model: Model, field: Field) -> None:
        """Keep a default for old code's inserts; drop the default if that is what is owed."""
        parent: Any = super()
        if self.is_contracting:
            self._let_default_go(model, field)
            return
        own = self._leaves_default(model, field)
        if own is None:
            try:
                parent.add_field(model, field)
            finally:
                self._nobody_there = False
            return
        with self._planning("add_field", model, field):
            self._with_default = field
            try:
                parent.add_field(model, field)
            finally:
                self._with_default = None
            self._owes(own, fills.default_of(model, field, self.names), _of_a_callable(field))

    def _leaves_default(self, model: Model, field: Field) -> Own | None:
        has_column = not field.many_to_many and field.db_parameters(self.connection)["type"] is not None
        if not (has_column and self._may_leave and fills.suits_old_code(field, self._effective_default(field))):
            return None
        return self._stays_for_old_code("AddField", fills.default_of(model, field, self.names).tables[0])

    def _keeps_default(self, field: Field) -> bool:
        return field is self._with_default

    def skip_default_on_alter(self, field: Field) -> bool:
        """Return whether a default stays; Django asks before it drops a new column's default."""
        parent: Any = super()
        return self._keeps_default(field) or bool(parent.skip_default_on_alter(field))

    def _let_default_go(self, model: Model, field: Field) -> None:
        with self._planning("add_field", model, field):
            changes, params = self._alter_column_default_sql(model, None, field, drop=True)
            table = self.connection.ops.quote_name(model._meta.db_table)
            self.execute(self.sql_alter_column % {"table": table, "changes": changes}, params)

    def remove_field(self, model: Model, field: Field) -> None:
        """Remove a field; if its AddField is taken back, end the debt of its default."""
        parent: Any = super()
        debt = self._taken_back("AddField")
        if debt is None:
            parent.remove_field(model, field)
            return
        with self._planning("remove_field", model, field):
            parent.remove_field(model, field)
            debts = self._debts()
            sql = self._owing_no_more(debt, debts) if debts else ""
            self._record(s.OweNoMore(sql=sql, table=debt.tables[0], owed_by=debt.id))

    # Statements in the way

    def _refuse_taken_names(self, statements: Sequence[s.Statement]) -> None:
        """Refuse statements in the way of defaults and fills, too.

        :raises CannotMigrate: also when a statement would change what is kept of a column for old code.
        """
        super()._refuse_taken_names(statements)
        changing = [x for x in statements if isinstance(x, fills.IN_THE_WAY)]
        if not changing or self.is_contracting or self.migrate_run.is_new_database:
            return
        over = {x.owed_by for x in statements if isinstance(x, s.OweNoMore)}
        for owed_by, kept in self._owed(s.DEFAULT, s.FILLED):
            if owed_by not in over and any(fills.is_in_the_way(x, kept) for x in changing):
                what = "a default" if kept.kind == s.DEFAULT else "a trigger that fills NULL"
                raise CannotMigrate(
                    f"{owed_by} keeps {what} of column {quote(kept.column)} of {kept.tables[0]} for old code, and this "
                    "operation cannot be done while it is there. manage.py contract --list says what is waited for; "
                    f"when no old code runs, manage.py contract {owed_by} --now REASON drops it, and so does a migrate "
                    'with OLD_CODE = "absent".'
                )


def _of_a_callable(field: Field) -> str:
    if not callable(field.default) and not getattr(field, "auto_now", False):
        return ""
    return "what its function has given now: rows of old code all have the same value"
