"""The part of the schema editor that lets what is renamed keep its old names for old code, with EXPAND_CONTRACT."""

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
    from ...execution.debts import Debt
    from ...execution.position import Whose

Stock = Callable[[], None]


class ExpandingRenames(BehindViews):
    """To be put before what records calls."""

    #: The tables that operations have given another name, with a view under the old one.
    _moved: frozenset[tuple[Any, str]] = frozenset()
    #: What has been renamed before gets its old name once more.
    _names_again = False
    #: EXPAND_CONTRACT is on for the operation that is at work alone.
    _only_here = False
    #: By whom something is owed already.
    _owing_already: frozenset[Any] = frozenset()

    #: What operations that have several calls have owed.
    _undone: Mapping[Any, Debt] = MappingProxyType({})

    def alter_field(self, model: Model, old_field: Field, new_field: Field, strict: bool = False) -> None:
        """Leave the name of a renamed column to old code where there may be some, and take that back."""
        parent: Any = super()
        tables = self._tables_of(model, old_field, new_field) if self._recorded is None else ("", "")
        stock = lambda: parent.alter_field(model, old_field, new_field, strict)  # noqa: E731
        self._renaming(("alter_field", model, new_field), tables, stock)

    def alter_db_table(self, model: Model, old_db_table: str, new_db_table: str) -> None:
        """Leave the name of a renamed table to old code where there may be some, and take that back."""
        parent: Any = super()
        tables = ("", "")
        if self._recorded is None and old_db_table != new_db_table:
            tables = (self.names.as_sql(old_db_table), self.names.as_sql(new_db_table))
        stock = lambda: parent.alter_db_table(model, old_db_table, new_db_table)  # noqa: E731
        self._renaming(("alter_db_table", model, old_db_table), tables, stock)

    def _tables_of(self, model: Model, old: Field, new: Field) -> tuple[str, str]:
        """The table of a renamed column, or of a ManyToManyField, before and after it; empty for any other change."""
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
        """What is done instead of what stock Django does; None where that is right.

        :param before: the name of the table. :param after: its name after the call.
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
        """What is owed by an operation on tables that old code may use."""
        if not (self._may_leave and own.before and removals.is_plain(own, kind, backwards=False)):
            return None
        kept = renames.owed(own.operation, own.app, own.before.apps, self.connection)
        if kept is None or not any(map(self._has_traffic, kept.tables)):
            return None
        return None if kept.column and self._is_new_column(kept.tables[0], kept.column) else kept

    def _rename_at_once(self, stock: Stock) -> None:
        """Nobody knows the old name."""
        recorded, made = self._recorded, self._made_by(stock)
        assert recorded is not None
        recorded += map(_as_shown, made)

    # Something gets another name, and keeps the old one

    def _rename(self, own: Own, kept: removals.Stays, table: str, stock: Stock) -> None:
        whose = own.whose
        shown = self._show_none(table, columns=True)
        made = self._made_by(stock)
        views = [] if self._call.past else self._views(whose, made)
        if self._names_again:
            # It has the new name already.
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
        """:param sent: what a note is about."""
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
        """What stock Django does, which is not recorded yet."""
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
        """What has the old names of what is renamed.

        :raises CannotMigrate: where that would not do.
        """
        catalog, views = self._catalog(), list[s.ShowBoth]()
        columns = [x for x in made if isinstance(x, s.RenameColumn)]
        for x in (x for x in made if isinstance(x, s.RenameTable)):
            renames.refuse_behind_a_view({x.table} if self._pairs(x.table) else (), self._owed(s.RENAMED))
            # Of columns that get their names later a view keeps the old ones by itself.
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
        """What is left to be done; nothing where a run that was killed has done it."""
        if views and all(map(self._is_shown, views)):
            views.clear()
            return []
        return list(made) if views or self._call.past else [x for x in made if not self._is_done(x)]

    def _is_shown(self, view: s.ShowBoth) -> bool:
        there = self._catalog().shown(view.table)
        return there is not None and there.moves == view.moves and set(view.pairs) <= set(there.pairs)

    # It loses the old names, or gets them back

    def _take_back(self, debt: Debt, table: str, stock: Stock) -> None:
        """:param table: which is a view, perhaps."""
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
        """By a run that was killed before that was recorded."""
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
        """The view with what it shows beside."""
        rest = tuple(x for x in pairs if x not in without)
        hidden = renames.hidden(table, self._catalog()) if rest else ""
        return [s.ShowBoth(sql=table, table=table, hidden=hidden, pairs=rest)] if rest else []

    def _pair(self, statement: s.RenameColumn) -> tuple[str, str]:
        return self.names.plain(statement.column), self.names.plain(statement.new_column)

    def _pairs(self, table: str) -> s.Pairs:
        """What a view in the place of a table shows."""
        shown = None if self._call.past else self._catalog().shown(table)
        return shown.pairs if shown and shown.moves else ()

    def _show_none(self, table: str, columns: bool = False) -> list[s.Statement]:
        """What makes a view the table again, or takes it away; Django is shown the table from now on.

        :param columns: only where it is in the place of a table.
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
