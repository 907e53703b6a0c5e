"""How one step of a plan is sent: under the timeouts of its class, alone or together with its mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from ..ddl import statements as s
from ..locks import Lock
from ..log import logger
from ..planning.steps import AsStock, Batches, Concurrent, InCallers, Long, Query, Short, Step, UsersOwn
from ..server import capabilities
from ..settings import MigrationSettings
from . import timeouts
from .fill import fill
from .interrupt import interruptible
from .transactions import OwnTransaction

if TYPE_CHECKING:
    from .journal.journal import Journal
    from .replicas import Replicas

Send = Callable[[str, s.Params], None]


class Sender:
    """:param send: sends one query string as the schema editor does, with its logging and wrappers.
    :param verbosity: that of ``migrate``. :param stream: where it writes; None where nobody runs it.
    """

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
        step.accept(self)

    def _begin(self, step: Step) -> None:
        self.transaction.close()
        sql = "; ".join(map(self.composed, step.queries))
        logger.info("%s step: %s [%s]", step.word, sql, ", ".join(map(str, step.locks)))

    def _send(self, queries: tuple[Query, ...]) -> None:
        for query in queries:
            self._statement(query.sql, query.params)

    def _statement(self, sql: str, params: s.Params) -> None:
        with interruptible(self.connection) as ctrl_c:
            self.send(sql, params)
            self._sent = True
        if ctrl_c.pressed:
            raise ctrl_c.error

    # How each kind of step is sent: planning.steps.Visitor

    def as_stock(self, step: AsStock) -> None:
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

    def in_callers(self, step: InCallers) -> None:
        with timeouts.inside(self.connection, timeouts.local(self.settings, step)):
            self._send(step.queries)

    def short(self, step: Short) -> None:
        # Imported where it is needed: most processes of a project migrate nothing.
        from .acquire import Acquisition, retries

        self._begin(step)
        suffix = [timeouts.LOCAL_COMMIT]
        if retries(self.settings):
            sql = "; ".join(map(self.composed, step.queries))
            send: Callable[[Sequence[str]], None] = lambda prefix: self._together(step, prefix, suffix)  # noqa: E731
            Acquisition(self.connection, self.settings, step, sql, send, self.replicas).run()
            self._committed(step.locks)
        else:
            self._together(step, timeouts.set_local(timeouts.attempt(self.connection, self.settings, step)), suffix)

    def long(self, step: Long) -> None:
        self._begin(step)
        with self._progress(step):
            self._together(step, timeouts.set_local(dict.fromkeys(self._exempt_from, 0)))

    def concurrent(self, step: Concurrent) -> None:
        self._begin(step)
        self._before_alone()
        locks = step.locks_on_replicas if self.replicas else ()
        if locks:
            self._wait_for_replicas(step.named(locks=locks))
        self._alone(step, self._exempt_from)
        if locks:
            self._committed(locks)

    def batches(self, step: Batches) -> None:
        self.transaction.close()
        self._before_alone()
        fill(self.connection, step.work, self.settings)

    def users_own(self, step: UsersOwn) -> None:
        if step.stands_alone:
            self.transaction.close()
            self._before_alone()
            # A concurrent build that runs into a lock timeout leaves an INVALID index.
            self._alone(step, ("lock_timeout",) if self.settings.lock_timeout_force else ())
            return
        self.transaction.open(raw=True)
        if not self.transaction.is_open:
            self._before_alone()
        self._send(step.queries)

    @property
    def _exempt_from(self) -> tuple[str, ...]:
        """The timeouts that do not count for a step that takes its time."""
        exempt = self.settings.flexible_statement_timeout or self.settings.lock_timeout_force
        return timeouts.names(capabilities(self.connection)) if exempt else ()

    def _alone(self, step: Step, exempt_from: tuple[str, ...]) -> None:
        with timeouts.without(self.connection, self._known(), exempt_from), self._progress(step):
            self._send(step.queries)

    def _wait_for_replicas(self, step: Step) -> None:
        from .acquire import Acquisition

        sql = "; ".join(map(self.composed, step.queries))
        Acquisition(self.connection, self.settings, step, sql, lambda _: None, self.replicas).wait_for_replicas()

    def _committed(self, locks: Sequence[Lock]) -> None:
        if self.replicas is not None:
            self.replicas.committed(locks)

    def _progress(self, step: Step) -> AbstractContextManager[None]:
        if self.verbosity == 0:
            return nullcontext()
        from .progress import Progress

        self.connection.ensure_connection()
        # Behind a pooler the driver does not know the process.
        pid = self._session.pid if self._session else self.connection.connection.info.backend_pid
        return Progress(self.connection, step, pid, self.settings.show_blocking_queries, self.stream)

    def _together(self, step: Step, prefix: Sequence[str], suffix: Sequence[str] = ()) -> None:
        """One query string, one round trip, one implicit transaction."""
        mark = [journal.after()] if (journal := self._writing) else []
        if len(step.queries) == 1 and not (prefix or suffix or mark):
            self._send(step.queries)
        else:
            self._marked = bool(mark)
            queries = (self.composed(query) for query in step.queries)
            self._statement("; ".join([*prefix, *queries, *mark, *suffix]), None)

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
