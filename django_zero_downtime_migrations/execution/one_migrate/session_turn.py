"""A turn that is an advisory lock of the session."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import DatabaseError

from ...django_types import Connection
from ...log import logger
from ..session.questions import Question, ask, in_transaction
from .advisory import Holder, Key, Place, Seen, look
from .turn import Turn


class SessionTurn(Turn):
    """An advisory lock of the session, or of its transaction.

    :ivar local: the lock belongs to the transaction: it ends with it, wherever a pooler puts what comes after.
    """

    local = False

    def __init__(
        self, connection: Connection, place: Place, queries: bool = False, beside: Sequence[Question] = ()
    ) -> None:
        super().__init__(connection, place, queries, beside)
        self._tried = place.locked

    def _try(self) -> Holder | None:
        if not self.local:
            return super()._try()
        # A lock taken after a savepoint is released with the savepoint.
        ask(self.connection, "SAVEPOINT zero_downtime_migrations_turn")
        holder = super()._try()
        if holder is not None:
            ask(self.connection, "ROLLBACK TO SAVEPOINT zero_downtime_migrations_turn")
        ask(self.connection, "RELEASE SAVEPOINT zero_downtime_migrations_turn")
        return holder

    def _lock(self, key: Key) -> bool:
        if (tried := self._tried) is not None:
            self._tried = None
            return tried
        function = "pg_try_advisory_xact_lock" if self.local else "pg_try_advisory_lock"
        # In a transaction, statistics of other sessions returned before would be returned again.
        taken, _ = ask(
            self.connection, f"SELECT pg_catalog.{function}({key.arguments}), pg_catalog.pg_stat_clear_snapshot()"
        )
        return bool(taken)

    def _look(self) -> Seen:
        seen, self.answers = look(self.connection, self.place, self._queries, beside=self._beside)
        return seen

    def _send_last(self, sql: str) -> None:
        """Send one string, with the SQL that releases the key."""
        key = self._key
        if key is None or self.local or in_transaction(self.connection) or not self.connection.get_autocommit():
            super()._send_last(sql)
            return
        unlock = f"SELECT pg_catalog.pg_advisory_unlock({key.arguments})"
        try:
            ask(self.connection, f"BEGIN; {sql}; COMMIT; {unlock}")
        except DatabaseError:
            if self._same_session:
                self._driver.rollback()
            raise
        self._key = None

    def _unlock(self) -> None:
        if self._key is None or self.local:
            return
        key, self._key = self._key, None
        if self._usable:
            ask(self.connection, f"SELECT pg_catalog.pg_advisory_unlock({key.arguments})")
        else:
            logger.debug("The turn ends with its session, which cannot be asked any more.")

    def _renew(self) -> Holder | None:
        if self.local or self._same_session:
            return None
        # RunPython may have closed the connection, and the lock ended with it.
        self.connection.ensure_connection()
        self._driver = self.connection.connection
        return self._try()
