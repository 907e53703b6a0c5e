"""The part of the schema editor that plans nothing without users: in a run that began on an empty database, Django's
statements go to the server as they are, in the transaction that Django would open for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from ...ddl.template import SQL
from ...django_types import Connection, Model, Params, Sql
from ...execution.run import Passed
from ...naming import Names
from ...settings import MigrationSettings

if TYPE_CHECKING:
    from ...execution.reader import Reader
    from ...migrate_run.progress import Call, NothingDone
    from ...migrate_run.run import MigrateRun

PACKAGE = __name__.partition(".")[0]


class PassingOn:
    """The methods for calls without a plan. This class follows the recording ones."""

    connection: Connection
    migrate_run: MigrateRun
    names: Names
    resume: NothingDone
    settings: MigrationSettings
    _call: Call
    _own: Any
    _own_triggers: str
    _reader: Reader
    _flush_deferred_sql: Callable[[], None]
    #: The statements of the running call that have been sent, with parameters in them; None if the call is planned.
    _passed: list[str] | None = None

    @property
    def nothing_in_use(self) -> bool:
        """True if this run began on a database without any table."""
        return self.migrate_run.is_new_database

    @property
    def _passes_on(self) -> bool:
        """True if a call is not planned. Another package's class may treat Django's statements in its own way."""
        if not (self.nothing_in_use and self._reader.passes_on and _is_ours(type(self))):
            return False
        return bool(self._own.is_open or self._own.may_open)

    def treat_as_new(self, table: str) -> bool:
        """Return whether no session can be using a table yet.

        :param table: its quoted name, as in SQL.
        """
        return table in self.migrate_run.tables or self.nothing_in_use

    def _in_use(self, table: str) -> bool:
        return not self.treat_as_new(table)

    def _may_pass_on(self, what: str, alone: bool) -> bool:
        """Return whether a call is not planned, or is inside such a call.

        :param alone: the call sends a statement that cannot run in a transaction.
        """
        return self._passed is not None or (what != "execute" and not alone and self._passes_on)

    def _planning(
        self, what: str, model: Model | None = None, made: object = None, alone: bool = False
    ) -> AbstractContextManager[Call]:
        return self._passing_on(what, model, made) if self._passed is None else nullcontext(self._call)

    def execute(self, sql: Sql, params: Params = ()) -> None:
        """Send the statement of a call that is not planned."""
        self._pass_on([sql], params)

    def _execute_all(self, statements: list[Any], params: Params) -> None:
        if self._passed is None:
            parent: Any = super()
            parent._execute_all(statements, params)
        else:
            self._pass_on(statements, params)

    @contextmanager
    def _passing_on(self, what: str, model: Model | None, made: object) -> Iterator[Call]:
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
        if not self.settings.deferred_sql:
            self._flush_deferred_sql()

    def _pass_on(self, given: list[Any], params: Params) -> None:
        """Send statements, and note each as the journal has it."""
        assert self._passed is not None
        texts = [str(statement) for sql in given for statement in self._statements(sql)]
        composed = texts if params is None else [str(self.connection.ops.compose_sql(x, params)) for x in texts]
        self._reader.pass_on([Passed(text, params, sent) for text, sent in zip(texts, composed, strict=True)])
        self._passed += composed
        for text in texts:
            if isinstance(text, SQL):
                self._note(text)

    def _statements(self, sql: Any) -> list[Any]:
        """Split SQL that is given at once into its statements."""
        return [sql]

    def _note(self, sql: SQL) -> None:
        """Note the tables of a statement: a run that a RunPython begins has to know them."""
        spelled, run, parts = self.names.spelled, self.migrate_run, sql.parts
        match sql.template:
            case "sql_create_table":
                run.made(spelled(str(parts["table"])))
            case "sql_delete_table":
                run.dropped(spelled(str(parts["table"])))
            case "sql_rename_table":
                run.renamed(spelled(str(parts["old_table"])), spelled(str(parts["new_table"])))


def _is_ours(editor: type) -> bool:
    """Return whether a class of schema editors is this package's, over Django's own."""
    known = _OURS.get(editor)
    if known is None:
        places = {cls.__module__.partition(".")[0] for cls in editor.__mro__}
        known = _OURS[editor] = places <= {PACKAGE, "django", "builtins"}
    return known


_OURS: dict[type, bool] = {}
