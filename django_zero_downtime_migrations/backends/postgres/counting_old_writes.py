"""The part of the schema editor whose triggers correct or count what old code writes, and go with their column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...ddl import statements as s
from ...execution.reader import Reader
from ...log import logger
from ...migrate_run import fills, removals
from ...migrate_run.old_writes import OldWrites
from ...printable import printable
from .expanding import Expanding

if TYPE_CHECKING:
    from ...execution.owed.debts import Debt


class CountingOldWrites(Expanding):
    """The methods for triggers. This class precedes the recording ones."""

    _reader: Reader

    def _triggers(self, kept: removals.Stays) -> OldWrites:
        debts = self._debts()
        return OldWrites.of(kept, self._catalog(), debts.kept.place.schema if debts else "public")

    def _count(self, kept: removals.Stays, going: Sequence[removals.Goes]) -> None:
        """Count what old code writes into a removed column: a session that ends with its request is not evidence."""
        [field] = [goes.field for goes in going[:1]]
        # A generated column is written whenever its source columns are.
        if field is None or getattr(field, "generated", False) or not self._may_count(kept):
            return
        column = self._catalog().column(kept.tables[0], kept.column)
        # A default of the database is also the value of new code's rows.
        has_default = removals.has_value(field) or (column is not None and column.has_default)
        self._record(self._triggers(kept).counting(inserts=not has_default))

    def _may_count(self, kept: removals.Stays) -> bool:
        """Return whether the role may; without the privileges the removal goes on, since a counter is only evidence."""
        from ...execution.failures.rights import why_no_trigger

        why = "" if self._is_offline else why_no_trigger(self.connection, kept.tables[0]) or self._why_taken(kept)
        if why and not self._reader.is_silent:
            text = "Nothing counts what old code writes into %s of %s. %s"
            logger.warning(text, printable(kept.column), printable(kept.tables[0]), why)
        return not why

    def _why_taken(self, kept: removals.Stays) -> str:
        """Say which object of another role has the name of the function or the counter, and how to remove it."""
        from ...execution.owed.taken_names import why_taken

        triggers = self._triggers(kept)
        return "" if self._is_offline else why_taken(self.connection, triggers.function, triggers.sequence)

    def _count_no_more(self, kept: removals.Stays) -> None:
        if kept.column:
            self._record(self._triggers(kept).dropped())

    # Dropped with its column or table

    def _with_what_goes_along(self, statements: list[s.Statement]) -> list[s.Statement]:
        """Return the statements, with drops of a dropped column's or table's parts before, and the debt after."""
        drops = [x for x in statements if isinstance(x, (s.DropColumn, s.DropTable))]
        if not drops or self.migrate_run.is_new_database:
            return statements
        made = list(statements)
        for owed_by, kept in self._owed(s.FILLED, s.REMOVED):
            drop = next((x for x in drops if kept.column and fills.goes_with(x, kept)), None)
            if drop is None:
                continue
            made.insert(made.index(drop), self._triggers(kept).dropped())
            if not self.is_contracting:
                made.append(self._owed_no_more(owed_by, kept))
        return made

    def _owed_no_more(self, owed_by: str, kept: removals.Stays, taken_back: Debt | None = None) -> s.OweNoMore:
        """Return the end of a debt.

        :param taken_back: the debt, if its own operation is taken back.
        """
        from ...execution.owed.debts import whose_of

        debts, sql = self._debts(), ""
        if debts is not None:
            sql = self._owing_no_more(taken_back, debts) if taken_back else debts.forgiving(whose_of(owed_by))
        return s.OweNoMore(sql=sql, table=kept.tables[0], owed_by=owed_by)
