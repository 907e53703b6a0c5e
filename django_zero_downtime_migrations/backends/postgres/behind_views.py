"""The part of the schema editor that refuses what cannot be done while a view has the name of a table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db.backends.ddl_references import Statement as DjangoStatement

from ...ddl import statements as s
from ...migrate_run import renames
from .expanding import Expanding

#: Statements that need no table.
_WRITTEN_DOWN = (s.BeginToPay, s.Owe, s.OweNoMore, s.Raw)
#: Statements that say that a call is about the view itself.
_SHOWING = (s.ShowBoth, s.ShowNoMore)


class BehindViews(Expanding):
    """The methods for tables behind views. This class precedes the recording ones."""

    deferred_sql: list[Any]

    def _refuse_taken_names(self, statements: Sequence[s.Statement]) -> None:
        super()._refuse_taken_names(statements)
        if self.is_contracting or self.migrate_run.is_new_database:
            return
        needing = [x for x in statements if not isinstance(x, _WRITTEN_DOWN)]
        if not needing or any(isinstance(x, _SHOWING) for x in statements):
            return
        own = self._own_operation()
        # An operation may have several calls.
        its = str(own.whose) if own else ""
        if owed := [x for x in self._owed(s.RENAMED) if x[0] != its]:
            others = (getattr(x, name, "") for x in needing for name in ("table", "to_table", "new_table"))
            hidden = {table for _, kept in owed for table in kept.tables}
            needed = {*others, *self._not_to_be_made(hidden), *self._shown_columns(needing, hidden)} - {""}
            renames.refuse_behind_a_view(needed, owed)

    def _shown_columns(self, statements: Sequence[s.Statement], views: Collection[str]) -> set[str]:
        """Return the views that show a column whose type changes, or that is dropped; the server refuses both."""
        catalog, plain = self._catalog(), self.names.plain
        changed = [(x.table, plain(x.column)) for x in statements if isinstance(x, (s.SetType, s.DropColumn))]
        return {view for view in views for column in changed if catalog.shows(view, *column)}

    def _not_to_be_made(self, hidden: Collection[str]) -> set[str]:
        """Return the tables among these to which a new table's foreign keys would point at the end of the migration.

        The deferred keys are discarded: their table is refused.
        """
        keys = [x for x in self.deferred_sql if isinstance(x, DjangoStatement) and self._target(x) in hidden]
        self.deferred_sql = [x for x in self.deferred_sql if not any(x is key for key in keys)]
        return set(map(self._target, keys))

    def _target(self, sql: DjangoStatement) -> str:
        return self.names.spelled(str(sql.parts["to_table"])) if "to_table" in sql.parts else ""
