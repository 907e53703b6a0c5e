"""How one step of a plan is sent: under the timeouts of its class, alone or together with its mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..ddl import statements as s
from ..locks import Lock
from ..log import logger
from ..planning.kinds import AsStock, Batches, Concurrent, InCallers, Long, Short, Step, UsersOwn
from ..planning.queries import Query
from ..server import capabilities
from .batches.fill import fill
from .send import Sender
from .session import timeouts
from .session.interrupt import interruptible

if TYPE_CHECKING:
    from .journal.call_under_way import CallUnderWay, Mark


class Attempt:
    """A step on its way to the server; a ``planning.steps.Visitor``.

    :param call: whose next step it is in the journal; None for one that is not written down.
    :param is_all: it is the user's own SQL, all of it that its operation sends.
    :param by_itself: that needs no transaction to be one.
    :ivar sent: its statement has succeeded.
    :ivar mark: what has been sent in its transaction for the journal.
    """

    def __init__(
        self,
        sender: Sender,
        step: Step,
        call: CallUnderWay | None = None,
        is_all: bool = False,
        by_itself: bool = False,
    ) -> None:
        self.sender = sender
        self.step = step
        self.call = call
        self.is_all = is_all
        self.by_itself = by_itself
        self.sent = False
        self.mark: Mark | None = None
        self._connection = sender.connection
        self._settings = sender.settings
        self._transaction = sender.transaction

    def run(self) -> None:
        self.step.accept(self)

    # How each kind of step is sent

    def as_stock(self, step: AsStock) -> None:
        # Statements on a new table after the user's own SQL would hold the locks of that SQL for longer.
        self.sender.end_raw()
        self._transaction.open()
        if self.call and not self._transaction.is_open:
            if step.stands_alone:
                self._before_alone()
                self._send(step.queries)
            else:
                self._together(step, [])
            return
        for query in step.queries:
            self.sender.send(query.sql, query.params)

    def in_callers(self, step: InCallers) -> None:
        with timeouts.inside(self._connection, timeouts.local(self._settings, step)):
            self._send(step.queries)

    def short(self, step: Short) -> None:
        # Imported where it is needed: most processes of a project migrate nothing.
        from .locks.acquire import Acquisition, retries

        self._begin(step)
        suffix = [timeouts.LOCAL_COMMIT]
        if retries(self._settings):
            sql = self.sender.text(step)
            send: Callable[[Sequence[str]], None] = lambda prefix: self._together(step, prefix, suffix)  # noqa: E731
            Acquisition(self._connection, self._settings, step, sql, send, self.sender.replicas).run()
            self._committed(step.locks)
        else:
            self._together(step, timeouts.set_local(timeouts.attempt(self._connection, self._settings, step)), suffix)

    def long(self, step: Long) -> None:
        self._begin(step)
        with self.sender.progress(step):
            self._together(step, timeouts.set_local(dict.fromkeys(self._exempt_from, 0)))

    def concurrent(self, step: Concurrent) -> None:
        self._begin(step)
        self._before_alone()
        locks = step.locks_on_replicas if self.sender.replicas else ()
        if locks:
            self._wait_for_replicas(step.named(locks=locks))
        self._alone(step, self._exempt_from)
        if locks:
            self._committed(locks)

    def batches(self, step: Batches) -> None:
        self._transaction.close()
        self._before_alone()
        fill(self._connection, step.work, self._settings, self.sender.caller())

    def users_own(self, step: UsersOwn) -> None:
        if step.stands_alone:
            self._transaction.close()
            self._before_alone()
            # A concurrent build that runs into a lock timeout leaves an INVALID index.
            self._alone(step, ("lock_timeout",) if self._settings.lock_timeout_force else ())
            if self.call:
                # What it has made the catalogue does not tell: a later failure must not leave a doubt.
                self.mark = self.call.write_mark()
            return
        if self.by_itself:
            self._together(step, [])
            return
        self._transaction.open(raw=True)
        if not self._transaction.is_open:
            self._before_alone()
        elif self.is_all:
            # Its transaction ends with the operation.
            self._together(step, [])
            return
        self._send(step.queries)

    # What these have in common

    def _begin(self, step: Step) -> None:
        self._transaction.close()
        logger.info("%s step: %s [%s]", step.word, self.sender.text(step), ", ".join(map(str, step.locks)))

    @property
    def _exempt_from(self) -> tuple[str, ...]:
        """The timeouts that do not count for a step that takes its time."""
        exempt = self._settings.flexible_statement_timeout or self._settings.lock_timeout_force
        return timeouts.names(capabilities(self._connection)) if exempt else ()

    def _alone(self, step: Step, exempt_from: tuple[str, ...]) -> None:
        with timeouts.without(self._connection, self.sender.known(), exempt_from), self.sender.progress(step):
            self._send(step.queries)

    def _wait_for_replicas(self, step: Step) -> None:
        from .locks.acquire import Acquisition

        sql = self.sender.text(step)
        Acquisition(
            self._connection, self._settings, step, sql, lambda _: None, self.sender.replicas
        ).wait_for_replicas()

    def _committed(self, locks: Sequence[Lock]) -> None:
        if self.sender.replicas is not None:
            self.sender.replicas.committed(locks)

    def _together(self, step: Step, prefix: Sequence[str], suffix: Sequence[str] = ()) -> None:
        """One query string, one round trip, one implicit transaction."""
        self.mark = self.call.mark() if self.call else None
        if len(step.queries) == 1 and not (prefix or suffix or self.mark):
            self._send(step.queries)
        else:
            mark = [self.mark.sql] if self.mark else []
            queries = map(self.sender.composed, step.queries)
            self._statement("; ".join([*prefix, *map(_ended, queries), *mark, *suffix]), None)

    def _send(self, queries: tuple[Query, ...]) -> None:
        for query in queries:
            self._statement(query.sql, query.params)

    def _statement(self, sql: str, params: s.Params) -> None:
        with interruptible(self._connection) as ctrl_c:
            self.sender.send(sql, params)
            self.sent = True
        if ctrl_c.pressed:
            raise ctrl_c.error

    def _before_alone(self) -> None:
        if self.call:
            self.call.write_plan()


def _ended(text: str) -> str:
    """Return a text to which a semicolon can be added: it may end with a comment."""
    text = text.rstrip().rstrip(";")
    return f"{text}\n" if "--" in text else text
