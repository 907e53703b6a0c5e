"""One ``migrate`` at a time in a database and schema.

Behind a pooler that gives each transaction a server connection of its own, a session's lock belongs to strangers: there
a transaction of a second connection holds it, in ``execution.one_migrate.lease``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...django_types import Connection
from ..session.direct import is_direct, note_transactions
from ..session.questions import Question, in_transaction
from .advisory import Holder, Place, find_place
from .session_turn import SessionTurn
from .turn import NoTurn, Turn

if TYPE_CHECKING:
    from ..session.pooler import Found


def take_turn(
    connection: Connection,
    timeout_ms: int | None,
    queries: bool = False,
    place: Place | None = None,
    beside: Sequence[Question] = (),
) -> Turn:
    """Wait until no other session has the turn in this database and schema.

    A connection that has it already gets it once more, and releases it once more.

    :param timeout_ms: ``settings.migrate_lock_timeout``: 0 fails at once, None waits for as long as it takes.
    :param queries: ``settings.show_blocking_queries``: the log may show what the other session is running.
    :param place: from :func:`.advisory.find_place`, which has tried its lock.
    :param beside: what to ask in the same round trip that looks for other runs.
    :raises CannotMigrate: when the time is over; the error names the other session, and how to end it.
    :raises NoTurn: when a turn cannot be had at any time.
    """
    turn = _turn(connection, place or find_place(connection, lock=True), queries, beside)
    try:
        turn.wait(timeout_ms)
    except BaseException:
        turn.release()
        raise
    return turn


def try_turn(connection: Connection, place: Place, queries: bool = False) -> tuple[Turn, Holder | None]:
    """Take the turn if it is free; otherwise return its holder.

    :raises NoTurn: as :func:`take_turn`.
    """
    turn = _turn(connection, place, queries, ())
    return turn, turn.try_once()


def _turn(connection: Connection, place: Place, queries: bool, beside: Sequence[Question]) -> Turn:
    of_caller = in_transaction(connection)
    turn = SessionTurn(connection, place, queries, beside)
    if is_direct(connection, place.pid):
        note_transactions(connection)
        return turn
    # Imported here: most connections are direct.
    from ..session import pooler
    from ..session.timeouts import Session
    from . import lease

    if lease.kept(connection, place):
        return lease.LeaseTurn(connection, place, queries, beside)
    if of_caller:
        turn.local = True
        return turn
    pooler.refuse_statement_pooler(connection, Session(place.pid, {}))
    found = _find_pooling(connection, place.pid)
    if found.pooling is pooler.Pooling.TRANSACTION:
        return lease.LeaseTurn(connection, place, queries, beside)
    if found.pooling is not pooler.Pooling.SESSION:
        why = "So it is not known how to keep other runs of migrate out, which IDEMPOTENT_SQL needs."
        raise NoTurn(f"{pooler.describe(found)} {why}", pooler.WAY_OUT)
    return turn


def _find_pooling(connection: Connection, pid: int) -> Found:
    from ..session.pooler import find_pooling

    autocommit = connection.get_autocommit()
    connection.set_autocommit(True)
    try:
        return find_pooling(connection, pid)
    finally:
        connection.set_autocommit(autocommit)
