"""A step that the server refuses because an object is there already, or is gone already: IDEMPOTENT_SQL asks whether
this is what the step would have brought about.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError

from ...django_types import Connection
from ...log import logger
from ...planning.kinds import ConcurrentBuild, Step
from ...planning.queries import Query
from ...printable import printable
from ..server_errors import sqlstate
from .index_builds import Built, is_built
from .probes.step import REFUSALS, rest


def settle(
    connection: Connection,
    step: Step,
    error: DatabaseError,
    composed: Callable[[Query], str],
    run: Callable[[Step], None],
) -> bool:
    """Bring about what the step would have, if it is not there already. Return False if the error stands.

    :param run: runs a step: what is left of this one, or what removes its remains.
    :raises CannotMigrate: if another object has the same name.
    """
    if sqlstate(error) not in REFUSALS or not step.is_seen:
        return False
    left = rest(connection, [composed(query) for query in step.queries], step.statement.table)
    if left.error_stands:
        return False
    for found in left.done:
        logger.warning("%s: %s", "Gone already" if found.gone else "There already", printable(found.what))
    if left.invalid and _is_built(connection, step):
        # Another session has done it in the meantime.
        return True
    for leftover in step.leftover if left.invalid else ():
        run(leftover)
    if left.queries:
        # Queries of one transaction still stand in one.
        run(step.named(queries=tuple(map(Query, left.queries))))
    return True


def _is_built(connection: Connection, step: Step) -> bool:
    if not isinstance(step, ConcurrentBuild):
        return False
    return is_built(connection, step.locks[0].table, step.index) is Built.BUILT
