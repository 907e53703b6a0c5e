"""The part of the schema editor that ends a migration whose calls were planned: what we have put off until then."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from ...catalog.planned import PlannedCatalog
from ...ddl import statements as s
from ...migrate_run.progress import Call, NothingDone
from ...naming import Names
from .early_indexes import RENAMES, EarlyIndexes
from .replaced import Replaced


class Ending:
    """The methods for the end. This class follows the recording ones."""

    deferred_sql: list[Any]
    names: Names
    resume: NothingDone
    _carry_out: Callable[[list[s.Statement], Call], None]
    _catalog: Callable[[], PlannedCatalog]
    _passed: list[str] | None
    _record: Callable[[s.Statement], None]

    @cached_property
    def _replaced(self) -> Replaced:
        return Replaced()

    @cached_property
    def _early(self) -> EarlyIndexes:
        parent: Any = super()
        return EarlyIndexes(lambda *name: parent._create_index_name(*name), lambda: self.names)

    def _record_renames(self) -> None:
        # Without a plan, no index is early.
        for rename in self._early.renames(self._catalog()) if self._passed is None else ():
            self._record(rename)

    def _deferred(self) -> list[Any]:
        return [sql for sql in self.deferred_sql if sql is not RENAMES]

    def _carry_out_what_waits(self) -> None:
        if left := self._replaced.left().statements:
            self._carry_out(list(left), self.resume.call("left", None, None))
