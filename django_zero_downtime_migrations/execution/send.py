"""The sender of a migration's statements."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from ..django_types import Params
from ..settings import MigrationSettings
from .transactions import OwnTransaction

if TYPE_CHECKING:
    from ..planning.kinds import Step
    from ..planning.queries import Query
    from .batches.position import Caller
    from .locks.replicas import Replicas
    from .session import timeouts

Send = Callable[[str, Params], None]


class Sender:
    """The means by which the steps of a migration are sent.

    :param send: sends one query string as the schema editor does, with its logging and wrappers.
    :param verbosity: the verbosity of ``migrate``.
    :param stream: where it writes; None without a ``migrate``.
    :ivar replicas: the hot standbys that are asked as well, from the first step on that locks a table in use.
    :ivar caller: tells which operation is running.
    :ivar session: what the server said of the connection when the first step that stands alone was planned.
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
        self.replicas: Replicas | None = None
        self.session: timeouts.Session | None = None
        self.caller: Callable[[], Caller | None] = lambda: None

    @property
    def is_inside(self) -> bool:
        """Whether what is sent now stands in an open transaction."""
        return self.transaction.is_open or self.transaction.of_caller

    def end_raw(self) -> None:
        """End the transaction of the user's own SQL with its operation: it may hold any lock."""
        if self.transaction.raw:
            self.transaction.close()

    def known(self) -> timeouts.Session:
        if self.session is None:
            # Imported here, as below: on a new database most migrations have nothing that is planned.
            from .session import timeouts

            self.session = timeouts.session(self.connection)
        return self.session

    def composed(self, query: Query) -> str:
        """Return the query with its parameters in it, as Django's editor composes them."""
        if query.params is None:
            return str(query.sql)
        return str(self.connection.ops.compose_sql(str(query.sql), query.params))

    def text(self, step: Step) -> str:
        return "; ".join(map(self.composed, step.queries))

    def progress(self, step: Step) -> AbstractContextManager[None]:
        """Show how far a step is while it is sent."""
        if self.verbosity == 0:
            return nullcontext()
        from .progress.progress import Progress

        self.connection.ensure_connection()
        # Behind a pooler the driver does not know the process.
        pid = self.session.pid if self.session else self.connection.connection.info.backend_pid
        return Progress(self.connection, step, pid, self.settings.show_blocking_queries, self.stream)

    def open_replicas(self) -> None:
        """Ask the hot standbys as well, if steps wait for their locks."""
        if not self.settings.replicas or self.replicas is not None:
            return
        from .locks.acquire import retries

        if retries(self.settings):
            from .locks.replicas import Replicas

            replicas = Replicas(self.connection, self.settings.replicas, self.settings.show_blocking_queries)
            replicas.open()
            self.replicas = replicas

    def close(self) -> None:
        """Close what this has opened, at the end of the migration."""
        if self.replicas is not None:
            self.replicas.close()
