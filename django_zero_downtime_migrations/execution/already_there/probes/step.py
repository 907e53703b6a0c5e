"""The rest of a step that the server has refused."""

from __future__ import annotations

from collections.abc import Sequence

from ....django_types import Connection
from ....record import Row
from ...server_errors import (
    DUPLICATE_COLUMN,
    DUPLICATE_FUNCTION,
    DUPLICATE_OBJECT,
    DUPLICATE_TABLE,
    INVALID_TABLE_DEFINITION,
    OBJECT_NOT_IN_PREREQUISITE_STATE,
    UNDEFINED_COLUMN,
    UNDEFINED_OBJECT,
    UNDEFINED_TABLE,
)
from . import Probe, Verdict, different, probe

#: SQLSTATEs with which the server says that an object exists already, or does not exist (any more).
REFUSALS = frozenset(
    {
        DUPLICATE_COLUMN,
        UNDEFINED_COLUMN,
        UNDEFINED_OBJECT,
        DUPLICATE_FUNCTION,
        DUPLICATE_OBJECT,
        UNDEFINED_TABLE,
        DUPLICATE_TABLE,
        INVALID_TABLE_DEFINITION,
        OBJECT_NOT_IN_PREREQUISITE_STATE,
    }
)


class Rest(Row):
    """The rest of a step.

    :param queries: the queries that are still to be sent.
    :param done: what the other queries would have made is there.
    :param invalid: an index that one of them builds is there, INVALID: ``index_builds.is_built`` waits for the session
        that builds it, then the step's ``leftover`` removes it.
    """

    queries: tuple[str, ...]
    done: tuple[Probe, ...] = ()
    invalid: bool = False

    @property
    def error_stands(self) -> bool:
        """Whether the step was refused for another reason."""
        return not (self.done or self.invalid)


def rest(connection: Connection, queries: Sequence[str], table: str) -> Rest:
    """Return the rest of a step.

    :param queries: all queries of the step, with their parameters in them; not the user's own SQL.
    :param table: the statement's table, as in SQL.
    :raises CannotMigrate: when an object of the same name has another definition, or when that cannot be told.
    """
    left: list[str] = []
    done: list[Probe] = []
    invalid = False
    for number, sql in enumerate(queries):
        found = probe(connection, sql, table, queries[number + 1 :])
        if found is not None and found.verdict is Verdict.DIFFERS:
            raise different(found)
        if found is not None and found.verdict is Verdict.DONE:
            done.append(found)
            continue
        invalid = invalid or (found is not None and found.verdict is Verdict.INVALID)
        left.append(sql)
    return Rest(tuple(left), tuple(done), invalid)
