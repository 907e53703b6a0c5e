"""The step at which an earlier run has stopped: it may be done, half done, or not begun."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...django_types import Connection
from ...log import logger
from ...planning.kinds import AsStock, Concurrent, ConcurrentBuild, Step, UsersOwn
from ...planning.queries import Query
from ...planning.steps import drops
from .index_builds import Built, invalid_in, is_built, leftovers

DROP = "DROP INDEX CONCURRENTLY "
_DROPS = re.compile(r"\bDROP\s+INDEX\s+CONCURRENTLY\b(?!\s+IF\s+EXISTS\b)\s*", re.IGNORECASE)


def rest_of_step(connection: Connection, step: Step, remove: Callable[[Step], None]) -> Step | None:
    """Return what has to be sent; None if the step is done. Only a step that stands alone leaves a doubt: the others
    have marked themselves done in their own transaction.

    :param remove: runs what removes the remains of the step.
    """
    match step:
        case ConcurrentBuild():
            return _build(connection, step, remove)
        case UsersOwn() if step.needs_session:
            _remove_invalid(connection, step, remove)
            return _if_exists(step)
        case UsersOwn():
            logger.warning("An earlier run may have sent this, outside any transaction; it is sent again: %s", step.sql)
        case Concurrent() | AsStock():
            return _if_exists(step) if step.stands_alone else step
    return step


def _if_exists(step: Step) -> Step:
    """Return the step with IF EXISTS, since what it drops may be gone already."""
    return step.named(queries=tuple(Query(_DROPS.sub(f"{DROP}IF EXISTS ", x.sql, count=1)) for x in step.queries))


def _remove_invalid(connection: Connection, step: UsersOwn, remove: Callable[[Step], None]) -> None:
    """Remove an INVALID index, with which the user's own CREATE INDEX CONCURRENTLY IF NOT EXISTS would be content."""
    for table, index in invalid_in(connection, step.sql):
        if is_built(connection, table, index) is Built.INVALID:
            remove(drops(step.statement, f"{DROP}IF EXISTS {index}", step.locks))


def _build(connection: Connection, step: ConcurrentBuild, remove: Callable[[Step], None]) -> Step | None:
    table = step.locks[0].table if step.locks else step.statement.table
    built = is_built(connection, table, step.index)
    for remains in leftovers(connection, table, step.index):
        # A REINDEX CONCURRENTLY tried meanwhile has left these.
        remove(drops(step.statement, f"{DROP}IF EXISTS {remains}", step.locks))
    if built is Built.BUILT:
        logger.info("Built by an earlier run: %s", step.index)
        return None
    if built is Built.INVALID:
        for leftover in step.leftover:
            remove(leftover)
    return step
