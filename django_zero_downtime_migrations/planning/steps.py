"""A plan: the steps of one call of the schema editor, and its findings; and how steps are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..ddl import statements as s
from ..findings import Finding
from ..locks import Lock, LockMode
from ..record import Row
from .kinds import Blocking, ConcurrentBuild, ConcurrentDrop, Long, Short, Step, StepType
from .queries import Query

Locks = Iterable[Lock] | None


class Plan(Row):
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()


def short(statement: s.Statement, *sql: str | Query, locks: Locks = None, undo: Sequence[Step] = ()) -> Short:
    """Make a short step. Its locks are the statement's own unless given."""
    taken = statement.locks() if locks is None else locks
    return Short(queries=tuple(map(_query, sql)), statement=statement, locks=tuple(taken), undo=tuple(undo))


def long(statement: s.Statement, sql: str | Query, locks: Locks = None, undo: Sequence[Step] = ()) -> Long:
    """Make a long step, under SHARE UPDATE EXCLUSIVE on the statement's table unless its locks are given."""
    return Long(queries=(_query(sql),), statement=statement, locks=_long_locks(statement, locks), undo=tuple(undo))


def builds(statement: s.Statement, sql: str | Query, index: str, locks: Locks = None) -> ConcurrentBuild:
    """Make a concurrent build. Its default locks are the ones of :func:`long`.

    :param index: its name as it is written in SQL.
    """
    taken = _long_locks(statement, locks)
    drop = drops(statement, f"DROP INDEX CONCURRENTLY IF EXISTS {index}", taken)
    return ConcurrentBuild(
        queries=(_query(sql),), statement=statement, locks=taken, undo=(drop,), leftover=(drop,), index=index
    )


def drops(statement: s.Statement, sql: str | Query, locks: Locks = None) -> ConcurrentDrop:
    """Make a concurrent drop. Its default locks are the ones of :func:`long`."""
    return ConcurrentDrop(queries=(_query(sql),), statement=statement, locks=_long_locks(statement, locks))


def as_written(statement: s.Statement, kind: type[StepType], locks: Locks = None) -> StepType:
    taken = statement.locks() if locks is None else locks
    return kind(queries=(Query(statement.sql, statement.params),), statement=statement, locks=tuple(taken))


def together(steps: Sequence[Step]) -> Short:
    """Make one transaction of several steps: they are all done, or none of them is.

    It has the strongest of their locks on each table, and is taken back as a whole if each of them can be.
    """
    kind = Short if all(step.bounded for step in steps) else Blocking
    told = next((step for step in steps if type(step) is kind), steps[-1])
    undo = [x for step in reversed(steps) for x in step.undo] if all(step.undo for step in steps) else []
    queries = tuple(query for step in steps for query in step.queries)
    return kind(queries=queries, statement=told.statement, locks=tuple(_strongest(steps)), undo=tuple(undo))


def _strongest(steps: Iterable[Step]) -> Iterable[Lock]:
    """Return the strongest lock on each table, in the order in which the tables are locked."""
    strongest: dict[str, Lock] = {}
    for lock in (lock for step in steps for lock in step.locks):
        known = strongest.setdefault(lock.table, lock)
        mode = max(known.mode, lock.mode, key=lambda mode: mode.strength)
        strongest[lock.table] = lock._replace(mode=mode, only=known.only and lock.only)
    return strongest.values()


def _query(sql: str | Query) -> Query:
    return sql if isinstance(sql, Query) else Query(sql)


def _long_locks(statement: s.Statement, locks: Locks) -> tuple[Lock, ...]:
    if locks is not None:
        return tuple(locks)
    return (Lock(statement.table, LockMode.SHARE_UPDATE_EXCLUSIVE),) if statement.table else ()
