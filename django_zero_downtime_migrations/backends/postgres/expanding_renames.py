"""The part of the schema editor that keeps old names of renamed tables and columns, with EXPAND_CONTRACT."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...ddl import statements as s
from ...django_types import Field, Model
from ...migrate_run import removals, renames
from ...migrate_run.migration_at_work import Own
from .behind_views import BehindViews

if TYPE_CHECKING:
    from ...execution.batches.position import Whose
    from ...execution.owed.debts import Debt

Stock = Callable[[], None]


class ExpandingRenames(BehindViews):
    """The methods for renames. This class precedes the recording ones."""

    #: The tables that operations have renamed, with a view under the old name.
    _moved: frozenset[tuple[Any, str]] = frozenset()
    #: A renamed table or column gets its old name once more.
    _names_again = False
    #: EXPAND_CONTRACT is on for the running operation only.
    _only_here = False
    #: The operations that owe something already.
    _owing_already: frozenset[Any] = frozenset()

    #: The debts of operations that have several calls.
    _undone: Mapping[Any, Debt] = MappingProxyType({})

    def alter_field(self, model: Model, old_field: Field, new_field: Field, strict: bool = False) -> None:
        """Alter a field; keep the name of a renamed column for old code if any may run, or take that back."""
        parent: Any = super()
        tables = self._tables_of(model, old_field, new_field) if self._recorded is None else ("", "")
        stock = lambda: parent.alter_field(model, old_field, new_field, strict)  # noqa: E731
        self._renaming(("alter_field", model, new_field), tables, stock)

    def alter_db_table(self, model: Model, old_db_table: str, new_db_table: str) -> None:
        """Rename a table; keep the old name for old code if any may run, or take that back."""
        parent: Any = super()
        tables = ("", "")
        if self._recorded is None and old_db_table != new_db_table:
            tables = (self.names.as_sql(old_db_table), self.names.as_sql(new_db_table))
        stock = lambda: parent.alter_db_table(model, old_db_table, new_db_table)  # noqa: E731
        self._renaming(("alter_db_table", model, old_db_table), tables, stock)

    def _tables_of(self, model: Model, old: Field, new: Field) -> tuple[str, str]:
        """Return the table of a renamed column or ManyToManyField, before and after; empty for any other change."""
        if removals.has_column(old, self.connection) and removals.has_column(new, self.connection):
            table = self.names.as_sql(model._meta.db_table)
            is_renamed = removals.column(old, self.names) != removals.column(new, self.names)
            return (table, table) if is_renamed else ("", "")
        made = [getattr(x.remote_field, "through", None) if x.many_to_many else None for x in (old, new)]
        if not all(x is not None and x._meta.auto_created for x in made):
            return ("", "")
        before, after = (self.names.as_sql(x._meta.db_table) for x in made if x is not None)
        return before, after

    def _renaming(self, call: tuple[str, Any, Any], tables: tuple[str, str], stock: Stock) -> None:
        act = self._instead(*tables, stock) if tables[0] else None
        if act is None:
            stock()
            return
        with self._planning(*call):
            act()

    def _instead(self, before: str, after: str, stock: Stock) -> Callable[[], None] | None:
        """Return the function to call in place of stock Django's method; None if that method is right.

        :param before: the name of the table.
        :param after: its name after the call.
        """
        if self.is_contracting:
            return lambda: self._contract(before, stock)
        own = self._own_operation()
        kind = type(own.operation).__name__ if own else ""
        if own is None or kind not in renames.OPERATIONS:
            return None
        if own.backwards:
            key = own.whose
            debt = self._undone.get(key) or self._taken_back(kind)
            if debt:
                self._undone = {**self._undone, key: debt}
            return (lambda: self._take_back(debt, after, stock)) if debt else None
        kept = self._may_owe(own, kind)
        if kept is None:
            return None
        if self._is_alone(own, kept.tables):
            return lambda: self._rename_at_once(stock)
        return lambda: self._rename(own, kept, before, stock)

    def _may_owe(self, own: Own, kind: str) -> removals.Stays | None:
        """Return what an operation owes; None for nothing, and if no old code may use its tables."""
        if not (self._may_leave and own.before and removals.is_plain(own, kind, backwards=False)):
            return None
        kept = renames.owed(own.operation, own.app, own.before.apps, self.connection)
        if kept is None or not any(map(self._has_traffic, kept.tables)):
            return None
        return None if kept.column and self._is_new_column(kept.tables[0], kept.column) else kept

    def _rename_at_once(self, stock: Stock) -> None:
        """Rename without a view, since no code uses the old name."""
        recorded, made = self._recorded, self._made_by(stock)
        assert recorded is not None
        recorded += map(_as_shown, made)

    # A rename that keeps the old name

    def _rename(self, own: Own, kept: removals.Stays, table: str, stock: Stock) -> None:
        whose = own.whose
        shown = self._show_none(table, columns=True)
        made = self._made_by(stock)
        views = [] if self._call.past else self._views(whose, made)
        if self._names_again:
            # The table or column has the new name already.
            views, sent = [x for x in views if not self._is_shown(x)], []
            shown = shown if views else []
        else:
            sent = self._replace(views, made)
        self._moved |= {(whose, x.new_table) for x in made if isinstance(x, s.RenameTable)}
        recorded = self._recorded
        assert recorded is not None
        if (sent or self._names_again) and (views or self._call.past):
            recorded += [*shown, *(_as_shown(x) for x in sent), *views]
        elif sent:
            recorded += map(_as_shown, sent)
        if whose not in self._owing_already:
            self._owing_already |= {whose}
            self._owe(whose, kept, next((x.sql for x in made if _renames(x)), kept.sql))

    def _owe(self, whose: Whose, kept: removals.Stays, sent: str) -> None:
        """Write a debt down.

        :param sent: the SQL that a note is about.
        """
        written = "" if self._call.past else self._owing(whose, kept)
        self._record(
            s.Owe(
                sql=sent,
                table=kept.tables[0],
                written=written,
                tables=kept.tables,
                column=kept.column,
                owed_by=str(whose),
                kind=kept.kind,
            )
        )

    def _made_by(self, stock: Stock) -> list[s.Statement]:
        """Return the statements of stock Django's method, which are not recorded yet."""
        recorded = self._recorded
        assert recorded is not None
        start = len(recorded)
        stock()
        made = recorded[start:]
        del recorded[start:]
        if any(isinstance(x, s.AddCheck) for x in made) and not self._call.past:
            [real] = self._real([made[0].table])
            return renames.with_renamed_checks(made, self._today().constraints(real))
        return made

    def _views(self, whose: Whose, made: Sequence[s.Statement]) -> list[s.ShowBoth]:
        """Return the views that have the old names.

        :raises CannotMigrate: if such a view cannot be made.
        """
        catalog, views = self._catalog(), list[s.ShowBoth]()
        columns = [x for x in made if isinstance(x, s.RenameColumn)]
        for x in (x for x in made if isinstance(x, s.RenameTable)):
            renames.refuse_behind_a_view({x.table} if self._pairs(x.table) else (), self._owed(s.RENAMED))
            # If columns are renamed later, a view keeps their old names by itself.
            pairs = tuple(self._pair(y) for y in columns if y.table == x.new_table)
            like = x.new_table if self._names_again else ""
            views.append(s.ShowBoth(sql=x.sql, table=x.table, hidden=x.new_table, pairs=pairs, moves=False, like=like))
        moved = {table for by, table in self._moved if by == whose} | {x.hidden for x in views}
        for table in dict.fromkeys(x.table for x in columns if x.table not in moved):
            pairs = (*self._pairs(table), *(self._pair(x) for x in columns if x.table == table))
            hidden = renames.hidden(table, catalog)
            views.append(s.ShowBoth(sql=table, table=table, hidden=hidden, pairs=tuple(dict.fromkeys(pairs))))
        for view in views:
            if not self._is_shown(view):
                renames.refuse_what_cannot_be_shown(str(whose), view, self._pairs(view.table), catalog)
        return views

    def _replace(self, views: list[s.ShowBoth], made: Sequence[s.Statement]) -> list[s.Statement]:
        """Return the statements that are still to be sent; none if a killed run has sent them."""
        if views and all(map(self._is_shown, views)):
            views.clear()
            return []
        return list(made) if views or self._call.past else [x for x in made if not self._is_done(x)]

    def _is_shown(self, view: s.ShowBoth) -> bool:
        there = self._catalog().shown(view.table)
        return there is not None and there.moves == view.moves and set(view.pairs) <= set(there.pairs)

    # Old names are dropped or taken back

    def _take_back(self, debt: Debt, table: str, stock: Stock) -> None:
        """Give the old name back.

        :param table: the name after the call; it may be a view's.
        """
        pairs, shown = self._pairs(table), self._show_none(table)
        recorded, debts = self._recorded, self._debts()
        made = self._made_by(stock)
        assert recorded is not None
        if shown or self._call.past:
            back = [self._pair(x)[::-1] for x in made if isinstance(x, s.RenameColumn)]
            recorded += [*shown, *map(_as_shown, made), *self._rest(table, pairs, back)]
        else:
            recorded += [_as_shown(x) for x in made if not self._is_done(x)]
        sql = self._owing_no_more(debt, debts) if debts else ""
        self._record(s.OweNoMore(sql=sql, table=table, owed_by=debt.id))

    def _is_done(self, statement: s.Statement) -> bool:
        """Return whether a killed run has renamed already, with its migration not recorded."""
        catalog, plain = self._catalog(), self.names.plain
        if isinstance(statement, s.RenameTable):
            return catalog.exists(statement.new_table) and not catalog.exists(statement.table)
        if isinstance(statement, s.RenameColumn):
            old, new = (catalog.column(statement.table, plain(x)) for x in (statement.column, statement.new_column))
            return old is None and new is not None
        return False

    def _contract(self, table: str, stock: Stock) -> None:
        pairs, shown = self._pairs(table), self._show_none(table)
        recorded = self._recorded
        assert recorded is not None
        if shown:
            made = self._made_by(stock)
            paid = [self._pair(x) for x in made if isinstance(x, s.RenameColumn)]
            recorded += [*shown, *self._rest(table, pairs, paid)]

    def _rest(self, table: str, pairs: s.Pairs, without: Iterable[tuple[str, ...]]) -> list[s.ShowBoth]:
        """Return the view that shows the other pairs; an empty list without any."""
        rest = tuple(x for x in pairs if x not in without)
        hidden = renames.hidden(table, self._catalog()) if rest else ""
        return [s.ShowBoth(sql=table, table=table, hidden=hidden, pairs=rest)] if rest else []

    def _pair(self, statement: s.RenameColumn) -> tuple[str, str]:
        return self.names.plain(statement.column), self.names.plain(statement.new_column)

    def _pairs(self, table: str) -> s.Pairs:
        """Return the pairs of names that a view in the place of a table shows."""
        shown = None if self._call.past else self._catalog().shown(table)
        return shown.pairs if shown and shown.moves else ()

    def _show_none(self, table: str, columns: bool = False) -> list[s.Statement]:
        """Return the statement that drops a view, and gives its table the name back; Django sees the table from now on.

        :param columns: only if the view is in the place of a table.
        """
        shown = None if self._call.past else self._catalog().shown(table)
        if shown is None or (columns and not shown.moves):
            return []
        back = f"; ALTER TABLE {shown.hidden} RENAME TO {renames.own_name(table)}" if shown.moves else ""
        no_more = s.ShowNoMore(sql=f"DROP VIEW {table}{back}", table=table, hidden=shown.hidden, moves=shown.moves)
        self._record(no_more)
        recorded = self._recorded
        assert recorded is not None
        return [recorded.pop()]


def _renames(statement: s.Statement) -> bool:
    return isinstance(statement, (s.RenameTable, s.RenameColumn))


def _as_shown(statement: s.Statement) -> s.Statement:
    return statement.named(is_shown=True) if _renames(statement) else statement
