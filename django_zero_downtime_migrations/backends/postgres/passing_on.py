"""The part of the schema editor that plans nothing where nobody is: in a run that began on an empty database, what
Django sends for a call goes to the server as it is, in the transaction that it would have of Django.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...ddl.template import SQL
from ...django_types import Connection, Params, Sql
from ...migrate_run.progress import Call, NothingDone
from ...migrate_run.run import MigrateRun
from ...naming import Names
from .old_names import statements

if TYPE_CHECKING:
    from ...execution.reader import Reader

PACKAGE = __name__.partition(".")[0]


class PassingOn:
    """To be put after what records calls."""

    connection: Connection
    migrate_run: MigrateRun
    names: Names
    resume: NothingDone
    _call: Call
    _own: Any
    _own_triggers: str
    _reader: Reader
    _flush_deferred_sql: Callable[[], None]
    #: The statements of the call under way that have been sent, with parameters in them; None where it is planned.
    _passed: list[str] | None = None

    @property
    def nothing_in_use(self) -> bool:
        """Whether this run began on a database without any table."""
        return self.migrate_run.is_new_database

    @property
    def _passes_on(self) -> bool:
        """Whether a call is not planned. A class of somebody else's may have another view of Django's statements."""
        if not (self.nothing_in_use and self._reader.passes_on and _is_ours(type(self))):
            return False
        return bool(self._own.is_open or self._own.may_open)

    @contextmanager
    def _passing_on(self, what: str, model: Any, made: Any) -> Iterator[Call]:
        self._call = self.resume.call(what, model, made)
        passed: list[str] = []
        self._passed = passed
        try:
            with self._reader.passing_on():
                yield self._call
        finally:
            self._passed = None
        if passed:
            self.resume.passed(self._call, passed)
        self._flush_deferred_sql()

    def _pass_on(self, sql: Sql, params: Params) -> Iterator[str]:
        """Send each statement, and yield it as the journal has it."""
        for statement in statements(sql):
            text = str(statement)
            self._reader.pass_on(statement, params)
            if isinstance(text, SQL):
                self._note(text)
            yield text if params is None else str(self.connection.ops.compose_sql(text, params))

    def _note(self, sql: SQL) -> None:
        """A run that a RunPython begins has to know these tables."""
        spelled, run, parts = self.names.spelled, self.migrate_run, sql.parts
        match sql.template:
            case "sql_create_table":
                run.made(spelled(str(parts["table"])))
            case "sql_delete_table":
                run.dropped(spelled(str(parts["table"])))
            case "sql_rename_table":
                run.renamed(spelled(str(parts["old_table"])), spelled(str(parts["new_table"])))


def _is_ours(editor: type) -> bool:
    """Whether a class of schema editors is this package's, over Django's own."""
    known = _OURS.get(editor)
    if known is None:
        places = {cls.__module__.partition(".")[0] for cls in editor.__mro__}
        known = _OURS[editor] = places <= {PACKAGE, "django", "builtins"}
    return known


_OURS: dict[type, bool] = {}
