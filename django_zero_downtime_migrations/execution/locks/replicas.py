"""The hot standbys that REPLICAS names: which sessions read there what a step locks, and what they have replayed.

An ACCESS EXCLUSIVE lock goes to a standby with the WAL. There it waits, in the replay, for every transaction that reads
the table, and all later sessions wait behind it; the statement on the primary notices nothing of that.
https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.db import connections

from ...django_types import Asked, Connection, Session
from ...errors import CannotMigrate
from ...locks import Blocker, Lock, LockMode
from ...log import logger
from ...printable import printable
from ...record import Row
from ..server_errors import LOCK_NOT_AVAILABLE, QUERY_CANCELED, SERIALIZATION_FAILURE, sqlstate
from ..session.second_connection import connect
from .blockers import briefly, look_there

T = TypeVar("T")

PURPOSE = "replica"
#: How often a question is asked, and a connection is made, before a standby counts as gone.
TRIES = 3
#: The standby's errors for a question that its replay, or the limit of the question, has ended.
ENDED = (SERIALIZATION_FAILURE, QUERY_CANCELED, LOCK_NOT_AVAILABLE)
_MAY_ASK = "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()'::pg_catalog.text, 'EXECUTE')"
_IDENTITY = "SELECT system_identifier FROM pg_catalog.pg_control_system()"
_STANDBY = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_database(), pg_catalog.pg_last_wal_replay_lsn()"
_WRITTEN = "SELECT pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text"
_REPLAYED = """
SELECT NOT pg_catalog.pg_is_in_recovery() OR pg_catalog.pg_last_wal_replay_lsn() >= %s::pg_catalog.pg_lsn
"""


class Last(Row):
    """The last step whose locks go to the standbys.

    :param position: in the WAL, behind its commit.
    """

    position: str
    locks: tuple[Lock, ...]


class Replicas:
    """A connection of our own to each of them, which writes nothing.

    :param connection: the connection of the migration.
    :param queries: also ask what the sessions in the way are running.
    """

    def __init__(self, connection: Connection, aliases: Iterable[str], queries: bool) -> None:
        self.connection = connection
        self.queries = queries
        self._sessions: dict[str, Any] = dict.fromkeys(aliases)
        #: By alias, the step that it is not known to have replayed.
        self._behind: dict[str, Last] = {}

    def open(self) -> None:
        """Connect to all of them.

        :raises CannotMigrate: when one is not a standby of this server, or cannot be reached.
        """
        try:
            for alias in self._sessions:
                self._sessions[alias] = self._checked(alias)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for session in self._sessions.values():
            if session is not None and not session.closed:
                session.close()
        self._sessions = dict.fromkeys(self._sessions)

    def committed(self, locks: Sequence[Lock]) -> None:
        """Note that a step with these locks has just been committed."""
        strong = _replayed(locks)
        if strong and self._sessions:
            last = Last(_one(self.connection, _WRITTEN), strong)
            self._behind = dict.fromkeys(self._sessions, last)

    def late(self) -> list[str]:
        """Return texts for the standbys that have not replayed the last step, with the sessions that may be why."""
        found = []
        for alias, last in list(self._behind.items()):
            if self._has_replayed(alias, last) or alias not in self._sessions:
                self._behind.pop(alias, None)
                continue
            readers = "; ".join(map(str, self._blockers(alias, last.locks)))
            found.append(f"replica {printable(alias)!r} has not replayed the last step{readers and f': {readers}'}")
        return found

    def _has_replayed(self, alias: str, last: Last) -> bool:
        row = self._ask(alias, lambda session: briefly(session, _REPLAYED, [last.position]))
        return bool(row and row[0])

    def blockers(self, locks: Sequence[Lock]) -> tuple[Blocker, ...]:
        """Return the sessions that read there what a step with these locks locks against readers."""
        strong = _replayed(locks)
        return tuple(x for alias in list(self._sessions) for x in self._blockers(alias, strong)) if strong else ()

    def _blockers(self, alias: str, locks: Sequence[Lock]) -> list[Blocker]:
        seen = self._ask(alias, lambda session: look_there(session, locks, self.queries))
        return [x._replace(replica=alias) for x in seen.blockers if x.backend_type != "startup"] if seen else []

    def _ask(self, alias: str, question: Callable[[Any], T]) -> T | None:
        """Return the answer; None from a standby that has gone away, which is logged once and not asked again."""
        error: Exception | None = None
        for _ in range(TRIES if alias in self._sessions else 0):
            try:
                session = self._sessions[alias] = self._sessions[alias] or self._connect(alias)
                return question(session)
            except Exception as another:
                error = another
                self._let_go(alias, another)
        if error is not None:
            del self._sessions[alias]
            text = "Replica %r cannot be asked any more, and is left out from here on: %s"
            logger.warning(text, printable(alias), printable(str(error).strip()))
        return None

    def _let_go(self, alias: str, error: Exception) -> None:
        """Drop a connection that the server, or a proxy, has ended, since it was idle for as long as a build takes."""
        session = self._sessions[alias]
        if session is None or (not session.closed and sqlstate(error) in ENDED):
            return
        if not session.closed:
            session.close()
        self._sessions[alias] = None

    def _connect(self, alias: str) -> Any:
        wrapper: Any = connections.create_connection(alias)
        return connect(wrapper, PURPOSE)

    def _checked(self, alias: str) -> Any:
        if alias not in connections.settings:
            raise _refused(alias, "there is no such alias in DATABASES")
        wrapper: Any = connections.create_connection(alias)
        if wrapper.vendor != "postgresql":
            raise _refused(alias, "it is not a PostgreSQL database")
        try:
            session = connect(wrapper, PURPOSE)
        except Exception as error:
            raise _refused(alias, f"it cannot be reached ({str(error).strip()})") from error
        if why := self._not_ours(session):
            session.close()
            raise _refused(alias, why)
        return session

    def _not_ours(self, session: Session) -> str:
        try:
            with session.cursor() as cursor:
                cursor.execute(_STANDBY)
                recovers, database, position = cursor.fetchone()
            ours = _one(self.connection, "SELECT pg_catalog.current_database()")
            if not recovers or position is None:
                return "it is not a hot standby"
            if database != ours:
                return f"it is of database {database!r}, and this is {ours!r}"
            identities = {_identity(session), _identity(self.connection)} - {None}
        except Exception as error:
            return f"it does not answer as a hot standby does ({str(error).strip()})"
        return "it is a standby of another server" if len(identities) > 1 else ""


def _identity(session: Asked) -> int | None:
    return int(_one(session, _IDENTITY)) if _one(session, _MAY_ASK) else None


def _one(session: Asked, sql: str, *params: object) -> Any:
    with session.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchone()[0]


def _replayed(locks: Sequence[Lock]) -> tuple[Lock, ...]:
    """Return the locks that are written to the WAL."""
    return tuple(lock for lock in locks if lock.mode is LockMode.ACCESS_EXCLUSIVE)


def _refused(alias: str, why: str) -> CannotMigrate:
    return CannotMigrate(
        f"REPLICAS names {alias!r}: {why}. Nothing of this operation has been sent. Name the aliases of hot standbys "
        "of this database, or take it out."
    )
