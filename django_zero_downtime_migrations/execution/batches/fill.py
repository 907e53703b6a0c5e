"""An UPDATE in ranges of pages, each committed by itself: rows are locked for moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...django_types import Connection
from ...planning.queries import Fill, Query, Rows
from ...settings import MigrationSettings

if TYPE_CHECKING:
    from .batch_sql import Update
    from .position import Caller


def fill(
    connection: Connection,
    work: Fill | Rows,
    settings: MigrationSettings | None = None,
    caller: Caller | None = None,
) -> int:
    """Change the rows, and return how many there were.

    :param caller: the operation that changes them.
    :raises LockNotAcquired: when other sessions hold rows of the table for longer than LOCK_RETRY_TIMEOUT.
    """
    # Imported here: most processes of a project fill nothing.
    from .batches import Batches
    from .position import Caller

    return Batches(connection, settings or MigrationSettings(), update(connection, work), caller or Caller()).run()


def update(connection: Connection, work: Fill | Rows) -> Update:
    from .batch_sql import Update

    key = key_of(connection, work.table)
    if isinstance(work, Rows):
        assignment, where = (composed(connection, query) for query in (work.assignment, work.where))
        return Update(work.table, assignment, where, key, is_users=True, spares_triggers=work.spares_triggers)
    default = composed(connection, Query(work.default, work.params))
    return Update(work.table, f"{work.column} = {default}", f"{work.column} IS NULL", key)


def key_of(connection: Connection, table: str) -> list[str]:
    """Return the columns of a table's primary key, as they are written in SQL."""
    from .batch_sql import KEY_SQL

    with connection.cursor() as cursor:
        cursor.execute(KEY_SQL, [table])
        return [column for (column,) in cursor.fetchall()]


def composed(connection: Connection, query: Query) -> str:
    """Return the query with its parameters in it. Its percent signs stand as the server has to see them: it is sent
    without parameters.
    """
    return query.sql if query.params is None else str(connection.ops.compose_sql(query.sql, list(query.params)))
