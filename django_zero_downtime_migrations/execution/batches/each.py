"""A user's function that gets rows in batches: each batch is locked first, and committed by itself.

The batches follow an UPDATE in ranges of pages (:mod:`.batches`). The rows are found by their condition, so the
function never gets a row again that is done, wherever it stands. A session that holds our rows waits for no lock: the
rows are locked before the function begins, and rows locked by other sessions are put aside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import ProgrammingError, transaction
from django.db.models import Q

from ...django_types import Connection, Model, StateApps
from ...errors import CannotMigrate, explain
from ...planning.queries import Query
from ...record import Row
from ...settings import MigrationSettings
from ..session.interrupt import terminable
from ..session.timeouts import set_local
from .batch_sql import Update, page_range
from .batches import Batches, HeldPage
from .fill import composed, key_of
from .position import NOBODY, Caller

#: Pages and rows of the first batch: how long the function takes is not known yet.
FIRST_PAGES = 4
FIRST_ROWS = 100
MOST_ROWS = 5000


class Chosen(Row):
    """The rows, and the function that gets them.

    :param apps: historical, as a RunPython has them.
    :param where: which rows.
    :param table: its name as it is written in SQL.
    :param condition: ``where`` as an UPDATE has it.
    """

    function: Callable[[StateApps, Any], object]
    apps: StateApps
    model: Model
    where: Q
    table: str
    condition: Query

    @property
    def name(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}"

    def rows(self, alias: str) -> Any:
        """Return all the rows, as a QuerySet."""
        return self.model._base_manager.using(alias).filter(self.where)

    def give_all(self, alias: str) -> None:
        """Call the function once with all rows, in the transaction that is open."""
        self.function(self.apps, self.rows(alias))


class Selection(Update):
    """A variant of ``Update`` that selects and locks the rows instead of updating them."""

    def __init__(self, table: str, where: str, key: Sequence[str], columns: str, function: str) -> None:
        """Select rows for a function.

        :param columns: what is selected.
        :param function: its name.
        """
        super().__init__(table, "", where, key, is_users=True)
        self.columns = columns
        self.function = function
        self.most = FIRST_ROWS

    @property
    def whole(self) -> str:
        return f"{self.function} for each of {self.table} WHERE ({self.where})"

    @property
    def what(self) -> str:
        return self.function

    def pages(self, start: object, end: object) -> str:
        return f"{self._among(page_range(start, end))} LIMIT {self.most} FOR NO KEY UPDATE NOWAIT"

    def free_rows(self, start: object, end: object) -> str:
        return f"{self._among(page_range(start, end))} LIMIT {self.most} FOR NO KEY UPDATE SKIP LOCKED"

    def row(self, condition: str) -> str:
        return f"{self._among(condition)} FOR NO KEY UPDATE"

    def _among(self, condition: str) -> str:
        return f"SELECT {self.columns} FROM {self.table} WHERE {condition} AND ({self.where})"


class Each(Batches):
    """The batches of one function.

    :param chosen: which rows, and the function that gets them.
    """

    update: Selection

    def __init__(
        self,
        connection: Connection,
        settings: MigrationSettings,
        chosen: Chosen,
        caller: Caller = NOBODY,
    ) -> None:
        pk: Any = chosen.model._meta.pk
        columns = [field.column for field in getattr(chosen.model._meta, "pk_fields", (pk,))]
        selected = ", ".join(f"{chosen.table}.{connection.ops.quote_name(column)}" for column in columns)
        where = f"({composed(connection, chosen.condition)})"
        update = Selection(chosen.table, where, key_of(connection, chosen.table), selected, chosen.name)
        super().__init__(connection, settings, update, caller)
        self.chosen = chosen
        self._pages = FIRST_PAGES
        self._given = 0
        self._last = 0.0

    def run(self) -> int:
        try:
            with terminable():
                return super().run()
        except BaseException as error:
            if self.rows:
                explain(error, f"{self.rows} rows have been given to {self.chosen.name}, and what it did stays.")
            raise

    def _range(self, start: int, end: int) -> HeldPage | None:
        """Run as many batches as the range needs: a function may be slow."""
        while True:
            began, most = time.monotonic(), self.update.most
            if failed := super()._range(start, end):
                self.update.most = max(1, most // 2)
                return failed
            self._last = max(time.monotonic() - began, 0.001)
            if self._given:
                wanted = self._given * self.settings.backfill_batch_time / 1000 / self._last
                self.update.most = max(1, min(MOST_ROWS, 2 * most, int(wanted)))
            if self._given < most:
                return None
            self._pause(self._last)

    def _pause(self, took: float) -> None:
        # Pauses have been made between the batches of one range already.
        super()._pause(min(took, self._last))

    def _send_with(self, sql: str, values: dict[str, int], position: list[str]) -> int:
        return self._send(sql, values, position)

    def _send(self, sql: str, values: dict[str, int], position: list[str]) -> int:
        with transaction.atomic(self.connection.alias):
            self._execute("; ".join(set_local(values)))
            manager = self.chosen.model._base_manager.using(self.connection.alias)
            keys = [row.pk for row in manager.raw(sql, None)]
            if keys:
                self._give(manager.filter(pk__in=keys))
            is_last = len(keys) < self.update.most
            written = bool(position) and is_last and self._write(position)
        if written:
            self.saved.sent()
        self._given = len(keys)
        return len(keys)

    def _give(self, rows: Any) -> None:
        self.chosen.function(self.chosen.apps, rows)
        if rows.all().filter(self.chosen.where).exists():
            raise self._never_ends()

    def _write(self, position: list[str]) -> bool:
        """Write the position down. It is only a hint: if it cannot be written, the rows are given to the function all
        the same.
        """
        try:
            with transaction.atomic(self.connection.alias):
                self._execute("; ".join(position))
        except ProgrammingError as error:
            self.saved.give_up(error)
            return False
        return True

    def _execute(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, None)

    def _never_ends(self) -> CannotMigrate:
        return CannotMigrate(
            f"{self.chosen.name} was given rows of {self.table} that fulfil the condition ({self.update.where}) still "
            "when it has returned, so that nothing tells what is done, and they would be given to it again and again. "
            "What it did to this batch is taken back. Write a condition that is false of each row that is done, and "
            "have the function change what stands in it, for all rows that it is given."
        )
