"""The part of the schema editor that lets a renamed column keep its old name for old code, with EXPAND_CONTRACT."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from django.db.backends.ddl_references import Statement as DjangoStatement

from ...ddl import statements as s
from ...django_types import Field, Model
from ...migrate_run import removals, renames
from ...migrate_run.migration_at_work import Own, own_operation_at_work
from ...migrate_run.renames import Renamed
from .expanding import Expanding

if TYPE_CHECKING:
    from ...execution.debts import Debt

#: What says that a call is about the view itself.
_SHOWING = (s.ShowBoth, s.ShowNoMore)


class ExpandingRenames(Expanding):
    """To be put before what records calls."""

    deferred_sql: list[Any]

    def alter_field(self, model: Model, old_field: Field, new_field: Field, strict: bool = False) -> None:
        """Leave the name of a renamed column to old code where there may be some, and take that back."""
        parent: Any = super()

        def stock() -> None:
            parent.alter_field(model, old_field, new_field, strict)

        renamed = renames.of_fields(model, old_field, new_field, self.names) if self._recorded is None else None
        act = self._instead(renamed, stock) if renamed else None
        if act is None:
            stock()
            return
        with self._planning("alter_field", model, new_field):
            act()

    def _instead(self, renamed: Renamed, stock: Callable[[], None]) -> Callable[[], None] | None:
        """What is done instead of what stock Django does; None where that is right."""
        if self.is_contracting:
            return lambda: self._show_without(renamed.table, renamed.old)
        if debt := self._taken_back("RenameField"):
            return lambda: self._take_back(debt, renamed, stock)
        own = self._keeps_name(renamed)
        return (lambda: self._rename(own, renamed, stock)) if own else None

    def _keeps_name(self, renamed: Renamed) -> Own | None:
        """The operation that is at work, where old code may know the old name."""
        own = own_operation_at_work() if self._may_leave else None
        if own is None or not removals.is_plain(own, "RenameField", backwards=False):
            return None
        table = renamed.table
        if not self._has_traffic(table) or self._is_new_column(table, renamed.old):
            return None
        live = self._projection.live_table(table)
        shown = self._today().shown(live)
        # Of a view nobody can tell whether there are rows.
        return None if self._is_alone(own, (shown.hidden if shown else live,)) else own

    # The column gets another name, and keeps the old one

    def _rename(self, own: Own, renamed: Renamed, stock: Callable[[], None]) -> None:
        from ...execution.position import Whose

        whose, kept = Whose(own.app, own.migration, own.number), renames.stays(renamed.table, renamed.old)
        pair, written = (renamed.old, renamed.new), ""
        if self._call.past:
            stock()
        else:
            pairs = self._pairs(renamed.table)
            if pair not in pairs:
                renames.refuse_what_cannot_be_shown(str(whose), renamed, pairs, self._catalog())
                self._show_none(renamed.table)
                self._as_shown(stock)
                self._show(renamed.table, (*pairs, pair))
            written = self._owing(whose, kept)
        # A note is about what is sent.
        sent = next((x.sql for x in self._recorded or () if isinstance(x, s.RenameColumn)), kept.sql)
        self._record(
            s.Owe(
                sql=sent,
                table=renamed.table,
                written=written,
                tables=kept.tables,
                column=kept.column,
                owed_by=str(whose),
                kind=kept.kind,
            )
        )

    def _as_shown(self, rename: Callable[[], None]) -> None:
        """The names of before stay as well."""
        recorded = self._recorded
        assert recorded is not None
        start = len(recorded)
        rename()
        for number, statement in enumerate(recorded[start:], start):
            if isinstance(statement, s.RenameColumn):
                recorded[number] = statement.named(is_shown=True)

    # It loses the old name, or gets it back

    def _take_back(self, debt: Debt, renamed: Renamed, stock: Callable[[], None]) -> None:
        table, debts = renamed.table, self._debts()
        old, new = renamed.new, renamed.old
        pairs = self._pairs(table)
        if self._call.past:
            stock()
        elif (old, new) in pairs:
            self._show_none(table)
            self._as_shown(stock)
            self._show(table, tuple(x for x in pairs if x != (old, new)))
        elif self._catalog().column(table, old) is None:
            stock()
        sql = self._owing_no_more(debt, debts) if debts else ""
        self._record(s.OweNoMore(sql=sql, table=table, owed_by=debt.id))

    def _show_without(self, table: str, old: str) -> None:
        pairs = self._pairs(table)
        if old in dict(pairs):
            self._show_none(table)
            self._show(table, tuple(x for x in pairs if x[0] != old))

    def _pairs(self, table: str) -> s.Pairs:
        """What a view in the place of a table shows."""
        shown = None if self._call.past else self._catalog().shown(table)
        return shown.pairs if shown else ()

    def _show_none(self, table: str) -> None:
        """The table has its name again, as far as it has lost it."""
        if shown := self._catalog().shown(table):
            sql = f"DROP VIEW {table}; ALTER TABLE {shown.hidden} RENAME TO {renames.own_name(table)}"
            self._record(s.ShowNoMore(sql=sql, table=table, hidden=shown.hidden))

    def _show(self, table: str, pairs: s.Pairs) -> None:
        if pairs:
            hidden = renames.hidden(table, self._catalog())
            self._record(s.ShowBoth(sql=f"CREATE VIEW {table}", table=table, hidden=hidden, pairs=pairs))

    # What is owed already

    def _refuse_taken_names(self, statements: Sequence[s.Statement]) -> None:
        super()._refuse_taken_names(statements)
        if self.is_contracting or self.migrate_run.is_new_database:
            return
        needing = [x for x in statements if not isinstance(x, (s.Owe, s.OweNoMore, s.Raw))]
        if not needing or any(isinstance(x, _SHOWING) for x in statements):
            return
        if owed := self._owed(s.RENAMED):
            needed = {name for x in needing for name in (x.table, getattr(x, "to_table", "")) if name}
            hidden = {table for _, tables, _ in owed for table in tables}
            renames.refuse_behind_a_view(needed | self._not_to_be_made(hidden), owed)

    def _not_to_be_made(self, hidden: Collection[str]) -> set[str]:
        """The tables among these to which a new table's foreign keys would point at the end of the migration. The keys
        are made no more: their table is refused.
        """
        keys = [x for x in self.deferred_sql if isinstance(x, DjangoStatement) and self._target(x) in hidden]
        self.deferred_sql = [x for x in self.deferred_sql if not any(x is key for key in keys)]
        return set(map(self._target, keys))

    def _target(self, sql: DjangoStatement) -> str:
        return self.names.spelled(str(sql.parts["to_table"])) if "to_table" in sql.parts else ""
