"""How one step of a plan is sent: under the timeouts of its class, alone or together with its mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from ..ddl import statements as s
from ..log import logger
from ..planning.steps import Query, Step, StepClass
from ..server import capabilities
from ..settings import MigrationSettings
from . import timeouts
from .fill import fill
from .interrupt import interruptible
from .own_code import OwnCode
from .transactions import OwnTransaction

if TYPE_CHECKING:
    from .journal.journal import Journal
    from .replicas import Replicas

Send = Callable[[str, s.Params], None]


class Sender:
    """:param send: sends one query string as the schema editor does, with its logging and wrappers.
    :param verbosity: that of ``migrate``. :param stream: where it writes; None where nobody runs it.
    """

    #: Whether the run did not begin on an empty database.
    _in_use: Callable[[], bool]
    #: What else the migration runs.
    code: OwnCode

    def __init__(
        self,
        connection: Any,
        settings: MigrationSettings,
        transaction: OwnTransaction,
        send: Send,
        verbosity: int = 1,
        stream: Any = None,
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.transaction = transaction
        self.send = send
        self.verbosity = verbosity
        self.stream = stream
        #: Where the migration writes down what it does, while a call of its own is under way.
        self.journal: Journal | None = None
        #: The statement of the step that is being run has succeeded.
        self._sent = False
        #: The step under way has marked itself done.
        self._marked = False
        self._taking_back = False
        #: The hot standbys that are asked as well, from the first step on that locks a table in use.
        self.replicas: Replicas | None = None
        #: What the server said of the connection when the first step that stands alone was planned.
        self._session: timeouts.Session | None = None

    def between_operations(self) -> None:
        """The user's own SQL may hold any lock: its transaction ends with its operation."""
        if self.transaction.raw:
            self.transaction.close()

    def _run(self, step: Step) -> None:
        kind = step.kind
        if kind is StepClass.STOCK:
            self._stock(step)
        elif kind is StepClass.CALLERS:
            with timeouts.inside(self.connection, timeouts.local(self.settings, kind)):
                self._send(step.queries)
        elif kind is StepClass.DATA:
            self._data(step)
        else:
            self.transaction.close()
            sql = "; ".join(map(self.composed, step.queries))
            logger.info("%s step: %s [%s]", kind.value, sql, ", ".join(map(str, step.locks)))
            (self._long if kind is StepClass.LONG else self._short)(step)

    def _send(self, queries: tuple[Query, ...]) -> None:
        for query in queries:
            self._statement(query.sql, query.params)

    def _statement(self, sql: str, params: s.Params) -> None:
        with interruptible(self.connection) as ctrl_c:
            self.send(sql, params)
            self._sent = True
        if ctrl_c.pressed:
            raise ctrl_c.error

    def _stock(self, step: Step) -> None:
        # Statements on a new table after the user's own SQL would hold the locks of that SQL for longer.
        self.between_operations()
        self.transaction.open()
        if self._writing and not self.transaction.is_open:
            if step.stands_alone:
                self._before_alone()
                self._send(step.queries)
            else:
                self._together(step, [])
            return
        for query in step.queries:
            self.send(query.sql, query.params)

    def _short(self, step: Step) -> None:
        # Imported where it is needed: most processes of a project migrate nothing.
        from .acquire import Acquisition, retries

        if retries(self.settings):
            sql = "; ".join(map(self.composed, step.queries))
            send: Callable[[Sequence[str]], None] = lambda prefix: self._together(step, prefix)  # noqa: E731
            Acquisition(self.connection, self.settings, step, sql, send, self.replicas).run()
            self._committed(step)
        else:
            self._together(step, timeouts.set_local(timeouts.attempt(self.connection, self.settings, step.kind)))

    def _long(self, step: Step) -> None:
        exempt = self.settings.flexible_statement_timeout or self.settings.lock_timeout_force
        if step.stands_alone:
            self._alone(step, self._timeouts if exempt else ())
        else:
            with self._progress(step):
                self._together(step, timeouts.set_local(dict.fromkeys(self._timeouts if exempt else (), 0)))

    @property
    def _timeouts(self) -> tuple[str, ...]:
        return timeouts.names(capabilities(self.connection))

    def _alone(self, step: Step, exempt_from: tuple[str, ...]) -> None:
        self._before_alone()
        drops = step.locks_on_replicas if self.replicas else ()
        if drops:
            self._wait_for_replicas(step._replace(locks=drops))
        with timeouts.without(self.connection, self._known(), exempt_from), self._progress(step):
            self._send(step.queries)
        if drops:
            self._committed(step._replace(locks=drops))

    def _wait_for_replicas(self, step: Step) -> None:
        from .acquire import Acquisition

        sql = "; ".join(map(self.composed, step.queries))
        Acquisition(self.connection, self.settings, step, sql, lambda _: None, self.replicas).wait_for_replicas()

    def _committed(self, step: Step) -> None:
        if self.replicas is not None:
            self.replicas.committed(step.locks)

    def _progress(self, step: Step) -> AbstractContextManager[None]:
        if self.verbosity == 0:
            return nullcontext()
        from .progress import Progress

        self.connection.ensure_connection()
        # Behind a pooler the driver does not know the process.
        pid = self._session.pid if self._session else self.connection.connection.info.backend_pid
        return Progress(self.connection, step, pid, self.settings.show_blocking_queries, self.stream)

    def _together(self, step: Step, prefix: Sequence[str]) -> None:
        """One query string, one round trip, one implicit transaction."""
        suffix = timeouts.commit_locally(step.kind)
        mark = [journal.after()] if (journal := self._writing) else []
        if len(step.queries) == 1 and not (prefix or suffix or mark):
            self._send(step.queries)
        else:
            self._marked = bool(mark)
            queries = (self.composed(query).rstrip().rstrip(";") for query in step.queries)
            self._statement("; ".join([*prefix, *queries, *mark, *suffix]), None)

    def _data(self, step: Step) -> None:
        if step.fill is not None:
            self.transaction.close()
            self._before_alone()
            fill(self.connection, step.fill, self.settings)
        elif isinstance(step.statement, s.Raw) and step.statement.concurrently:
            self.transaction.close()
            # A concurrent build that runs into a lock timeout leaves an INVALID index.
            self._alone(step, ("lock_timeout",) if self.settings.lock_timeout_force else ())
        elif self._is_transaction(step):
            self._together(step, [])
        else:
            self.transaction.open(raw=True)
            if not self.transaction.is_open:
                self._before_alone()
            self._send(step.queries)

    def _is_transaction(self, step: Step) -> bool:
        """Whether the user's own SQL is a transaction by itself, which costs one round trip and not four."""
        # Without a transaction the server's default would count.
        isolated = "isolation_level" in self.connection.settings_dict["OPTIONS"]
        return self.transaction.may_open and not isolated and self._in_use() and self.code.is_all(step.sql)

    def composed(self, query: Query) -> str:
        """The query with its parameters in it, as Django's editor composes them."""
        if query.params is None:
            return str(query.sql)
        return str(self.connection.ops.compose_sql(str(query.sql), query.params))

    def _known(self) -> timeouts.Session:
        if self._session is None:
            self._session = timeouts.session(self.connection)
        return self._session

    @property
    def _writing(self) -> Journal | None:
        """The journal, while steps of a call that it knows are run, and not taken back."""
        return self.journal if self.journal is not None and self.journal.key and not self._taking_back else None

    def _before_alone(self) -> None:
        if journal := self._writing:
            journal.write(journal.before())
