"""The step at which an earlier run has stopped: it may be done, half done, or not begun."""

from __future__ import annotations

from collections.abc import Callable

from ..ddl import statements as s
from ..django_types import Connection
from ..log import logger
from ..planning.steps import Query, Step, StepClass, long
from .doubt import Built, invalid_in, is_built, leftovers


def again(connection: Connection, step: Step, remove: Callable[[Step], None]) -> Step | None:
    """What has to be sent; None when the step is done. Only one that stands alone leaves a doubt: the others have
    marked themselves done in their own transaction.

    :param remove: runs what removes the remains of the step.
    """
    if step.building:
        return _build(connection, step, remove)
    if isinstance(step.statement, s.Raw) and step.statement.concurrently:
        _remove_invalid(connection, step, remove)
    if step.stands_alone:
        drop = "DROP INDEX CONCURRENTLY "
        queries = [Query(x.sql.replace(drop, drop + "IF EXISTS ", 1)) for x in step.queries if "IF EXISTS" not in x.sql]
        return step._replace(queries=tuple(queries) or step.queries)
    if step.kind is StepClass.DATA and step.fill is None and isinstance(step.statement, s.Raw):
        logger.warning("An earlier run may have sent this, outside any transaction; it is sent again: %s", step.sql)
    return step


def _remove_invalid(connection: Connection, step: Step, remove: Callable[[Step], None]) -> None:
    """The user's own CREATE INDEX CONCURRENTLY IF NOT EXISTS would be content with an INVALID index."""
    for table, index in invalid_in(connection, step.sql):
        if is_built(connection, table, index) is Built.INVALID:
            remove(long(step.statement, f"DROP INDEX CONCURRENTLY IF EXISTS {index}", step.locks))


def _build(connection: Connection, step: Step, remove: Callable[[Step], None]) -> Step | None:
    table = step.locks[0].table if step.locks else step.statement.table
    built = is_built(connection, table, step.building)
    for remains in leftovers(connection, table, step.building):
        # Of a REINDEX CONCURRENTLY that somebody has tried meanwhile.
        remove(long(step.statement, f"DROP INDEX CONCURRENTLY IF EXISTS {remains}", step.locks))
    if built is Built.BUILT:
        logger.info("Built by an earlier run: %s", step.building)
        return None
    if built is Built.INVALID:
        for leftover in step.leftover:
            remove(leftover)
    return step
