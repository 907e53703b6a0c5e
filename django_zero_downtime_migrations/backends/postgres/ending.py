"""The part of the schema editor that ends a migration: it runs what Django, and what we, have put off until then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ...catalog.planned import PlannedCatalog
from ...compat import deferred_params
from ...ddl import statements as s
from ...execution.reader import Reader
from ...migrate_run.progress import Call, NothingDone
from .early_indexes import RENAMES, EarlyIndexes
from .replaced import Replaced


class Ending:
    """The methods for the end. This class follows the recording ones."""

    deferred_sql: list[Any]
    execute: Callable[..., None]
    resume: NothingDone
    _carry_out: Callable[[list[s.Statement], Call], None]
    _catalog: Callable[[], PlannedCatalog]
    _early: EarlyIndexes
    _own: Any
    _passed: list[str] | None
    _planning: Callable[..., AbstractContextManager[Call]]
    _reader: Reader
    _record: Callable[[s.Statement], None]
    _replaced: Replaced

    def finish(self, with_record: bool) -> None:
        """Run what is left for the end of the migration. If a transaction is open then, Django records the migration in
        it.

        :param with_record: open one.
        """
        if self._own.of_caller:
            return
        self._carry_out_what_waits()
        if self.deferred_sql:
            with self._planning("end"):
                self._record_renames()
                for sql in self._deferred():
                    self.execute(sql, deferred_params)
            self.deferred_sql = []
        if with_record:
            # This is so for a non-atomic migration too: only its records follow now.
            self._own.wanted = True
            self._own.open()

    def _record_renames(self) -> None:
        # Without a plan, no index is early.
        for rename in self._early.renames(self._catalog()) if self._passed is None else ():
            self._record(rename)

    def _deferred(self) -> list[Any]:
        return [sql for sql in self.deferred_sql if sql is not RENAMES]

    def _carry_out_what_waits(self) -> None:
        if left := self._replaced.left().statements:
            self._carry_out(list(left), self.resume.call("left", None, None))

    def _before_end(self) -> None:
        self._carry_out_what_waits()
        if not self.deferred_sql:
            self.resume.recorded()
        self.deferred_sql = self._deferred()
        self._reader.after_operations()
