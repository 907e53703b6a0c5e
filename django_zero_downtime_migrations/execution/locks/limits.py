"""How long one attempt of a step may wait for its locks, how long it may work, and in which order it asks.

A step that locks several tables asks for all of these locks before it works. It can be in a deadlock only while it
waits, so only the waits have to end before the server looks for one; the work may take longer.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...locks import Lock
from ...planning.kinds import Step
from ...record import Row
from ...settings import MigrationSettings
from ..session import timeouts
from .blockers import Look

#: The longest wait of an attempt for a lock, in ms, if LOCK_TIMEOUT sets no limit.
LONGEST = 1000
#: The first attempt waits for this part of LOCK_TIMEOUT; each further one twice as long, up to all of it. Measured in
#: ``docs/decisions/0004-waiting-for-locks.md``.
PARTS = 64
SHORTEST = 10
#: How long the work itself may take in ms, beside the wait, when it cannot be told from the wait.
ROOM = 20
#: The wait for a lock after the first, in ms, of the first attempt. If clients lock the tables in both orders, the
#: attempt is in vain unless it succeeds at once: the client that holds this table waits for the first.
NEXT = 5
#: The waits of a step on several tables double this often; then they begin again, see :func:`scale`.
SCALES = 7
#: Such a step does not wait longer than this many times the age of the oldest transaction seen in the way.
OLDER = 2
#: The lock_timeout of an attempt, in ms, while its limit grows because the limit has ended an unblocked one.
AS_GOOD_AS_NOTHING = 1
#: An attempt that is cancelled later than this after its limit, in ms, was cancelled by another session.
LATE = 1000


class Limits(Row):
    """The timeouts of one attempt, in ms.

    :ivar values: the timeouts of the step itself.
    :ivar locks: statements that take its locks before it, each with the longest wait and the limit of the whole of it.
    :ivar work: an attempt that takes longer than this is working, not waiting.
    """

    values: dict[str, int]
    locks: tuple[tuple[str, int, int], ...] = ()
    work: int | None = None

    @property
    def wait(self) -> int:
        """The longest wait for one lock."""
        return max([self.values["lock_timeout"], *(wait for _, wait, _ in self.locks)])

    @property
    def whole(self) -> int:
        """The longest time that acquiring the locks may take; 0 if that cannot be told from the work."""
        return sum(whole for _, _, whole in self.locks)

    @property
    def prefix(self) -> list[str]:
        """The statements that are sent before the step."""
        own = timeouts.set_local(self.values)
        first = own.pop() if timeouts.OF_TRANSACTION in self.values else ""
        sent = [first] if first else []
        for sql, wait, whole in self.locks:
            sent += [*timeouts.set_local({"lock_timeout": wait, "statement_timeout": whole}), sql]
        return [*sent, *own]

    def ends(self, took: float, short: bool) -> bool:
        """Return whether one of these limits, and not another session, has cancelled an attempt.

        :param took: how long the attempt took, in ms.
        """
        if self.locks and min(whole for _, _, whole in self.locks) <= took < self.whole + LATE:
            return True
        return short and took >= (self.values.get("statement_timeout") or float("inf"))


def lock_wait(longest: int, attempt: int) -> int:
    """Return how long an attempt may wait for a lock, in ms.

    :param longest: the longest wait of any attempt, in ms.
    :param attempt: from 0.
    """
    return min(longest, max(SHORTEST, longest // PARTS) << min(attempt, 30))


def scale(attempt: int) -> int:
    """Return how often the waits of this attempt have been doubled, for a step on several tables.

    First the waits grow, as they do for one table. If that was in vain, longer waits do not help: if each of two tables
    is held by a session that waits for the other table, only an attempt at a better moment gets both. So most of the
    further attempts are short, and longer ones come so often that each length gets as much time as the others (the
    universal sequence of Luby, Sinclair and Zuckerman: 0 0 1 0 0 1 2 0 0 1 …).

    :param attempt: from 0.
    """
    if attempt < SCALES:
        return attempt
    place = attempt - SCALES + 1
    while (place + 1) & place:
        place -= (1 << (place.bit_length() - 1)) - 1
    return min(place.bit_length() - 1, SCALES - 1)


class Known(Row):
    """The experience of earlier attempts of the step.

    :param growth: how many times as long an attempt may take, since the limit ended one with no session in the way.
    :param oldest: the age in ms of the oldest transaction that was ever in the way; None if that is unknown.
    """

    growth: int = 1
    oldest: int | None = None


#: The knowledge before the first attempt.
NOTHING = Known()


def limits(settings: MigrationSettings, step: Step, seen: Look, attempt: int, known: Known = NOTHING) -> Limits:
    """Return the timeouts of an attempt.

    :param attempt: from 0.
    """
    values = timeouts.local(settings, step)
    longest = settings.lock_timeout or LONGEST
    if seen.relations < 2:
        lock, statement = lock_wait(longest, attempt), values.get("statement_timeout") or 0
        found = Limits(values | {"lock_timeout": lock}, work=statement if statement > 2 * lock else None)
    elif seen.lockable:
        found = _first_locks(values, longest, step, seen, attempt, known)
    else:
        found = Limits(_all_at_once(values, lock_wait(longest, attempt), step, seen, known))
    if seen.transaction_timeout and found.values.get("statement_timeout"):
        # This timeout would end the session, and not the attempt, which has its own limit.
        found.values[timeouts.OF_TRANSACTION] = 0
    return found


def _all_at_once(values: dict[str, int], lock: int, step: Step, seen: Look, known: Known) -> dict[str, int]:
    """Return the timeouts of a step that cannot ask for its locks beforehand, because an index has them or the role may
    not.

    The step waits for each table in turn. If it holds one and waits for another, it is in a deadlock with a session
    that locks them in the other order: the step gives up before the server ends a session.
    """
    lock = min(lock, seen.deadlock_timeout * 3 // 4)
    whole = min(lock + max(lock // 10, ROOM), max(seen.deadlock_timeout * 9 // 10, 1)) * known.growth
    values = values | {"lock_timeout": max(lock, 1) if known.growth == 1 else AS_GOOD_AS_NOTHING}
    if step.bounded:
        values["statement_timeout"] = min(whole, values.get("statement_timeout") or seen.statement_timeout or whole)
    return values


def _first_locks(values: dict[str, int], longest: int, step: Step, seen: Look, attempt: int, known: Known) -> Limits:
    asked = _statements(_in_order(step.locks, attempt))
    waits = _waits(longest, len(asked), seen, attempt, known)
    limit = values.get("statement_timeout") or 0
    locks: list[tuple[str, int, int]] = []
    for sql, wait in zip(asked, waits, strict=True):
        whole = (wait + max(wait // 10, min(ROOM, seen.deadlock_timeout // 20), 1)) * known.growth
        locks.append((sql, wait if known.growth == 1 else AS_GOOD_AS_NOTHING, min(whole, limit or whole)))
    # Locks that the look does not show are left to the step; it gives them up before the server ends a session.
    left = max(min(waits[0], seen.deadlock_timeout // 10), 1)
    values = {"statement_timeout": seen.statement_timeout} | values | {"lock_timeout": left}
    return Limits(values, tuple(locks), limit or None)


def _waits(longest: int, number: int, seen: Look, attempt: int, known: Known) -> list[int]:
    """Return the waits of this many statements, in ms: together they end before the server looks for deadlocks."""
    grown, share = scale(attempt), max(seen.deadlock_timeout * 3 // 4 // min(number, 2), 1)
    first, others = min(lock_wait(longest, grown), share), min(NEXT << grown, longest, share)
    if known.oldest is not None:
        # A session that takes longer than any before is in a deadlock with the step.
        enough = max(lock_wait(longest, 0), OLDER * known.oldest)
        first, others = min(first, enough), min(others, enough)
    return [first, *[max(others // max(number - 1, 1), 1)] * (number - 1)]


def _in_order(locks: Sequence[Lock], attempt: int) -> list[Lock]:
    """Return the tables in another order for each attempt, so that clients with one order are soon out of the way."""
    strongest: dict[tuple[str, bool], Lock] = {}
    for lock in locks:
        known = strongest.get((lock.table, lock.only))
        if known is None or known.mode.strength < lock.mode.strength:
            strongest[lock.table, lock.only] = lock
    tables = list(strongest.values())
    start = attempt // 2 % len(tables)
    tables = tables[start:] + tables[:start]
    return tables[::-1] if attempt % 2 else tables


def _statements(locks: Sequence[Lock]) -> list[str]:
    """Return a statement for the first table; then one statement for each mode of the others."""
    groups: dict[object, list[Lock]] = {None: [locks[0]]}
    for lock in locks[1:]:
        groups.setdefault(lock.mode, []).append(lock)
    return [
        f"LOCK TABLE {', '.join('ONLY ' * x.only + x.table for x in group)} IN {group[0].mode} MODE"
        for group in groups.values()
    ]
