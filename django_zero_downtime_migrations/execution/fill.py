"""An UPDATE of the NULLs of a column in ranges of pages, each committed by itself: rows are locked for moments."""

from __future__ import annotations

import time
from typing import Any

from django.db import OperationalError

from ..log import logger
from ..plan import Fill
from .reasons import sqlstate

#: Pages of the first range, and the time in seconds that a range is made to take.
FIRST_PAGES = 64
TARGET_SECONDS = 0.1
LOG_EVERY_SECONDS = 10.0
DEADLOCK = "40P01"
ATTEMPTS = 5


def fill(connection: Any, work: Fill) -> int:
    """Fill and return the number of rows. PostgreSQL 14+ reads a range of ``ctid`` without touching the rest of the
    table.
    """
    total = _pages(connection, work.table)
    start, pages, rows, said = 0, FIRST_PAGES, 0, time.monotonic()
    while start < total:
        began = time.monotonic()
        rows += _range(connection, work, start, start + pages)
        start += pages
        pages = max(1, min(pages * 2, int(pages * TARGET_SECONDS / max(time.monotonic() - began, 0.001))))
        if time.monotonic() - said > LOG_EVERY_SECONDS:
            said = time.monotonic()
            logger.info(
                "%s.%s: %d rows filled, %d of %d pages", work.table, work.column, rows, min(start, total), total
            )
    logger.info("%s.%s: %d rows filled", work.table, work.column, rows)
    return rows


def _pages(connection: Any, table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(pages_sql("%s"), [table])
        return int(cursor.fetchone()[0])


def pages_sql(table: str) -> str:
    """The pages of the largest of a table, its partitions and children: an UPDATE by ``ctid`` reads its range in each.

    :param table: an SQL expression for the table's quoted name.
    """
    return (
        f"WITH RECURSIVE tree(oid) AS (SELECT pg_catalog.to_regclass({table})::pg_catalog.oid UNION "
        "SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid) "
        "SELECT coalesce(pg_catalog.max(pg_catalog.pg_relation_size(oid)), 0) "
        "/ pg_catalog.current_setting('block_size')::int FROM tree"
    )


def range_sql(work: Fill, start: object, end: object) -> str:
    """:param start: the first page of the range, or an SQL expression for it. :param end: the page after the last."""
    return (
        f"UPDATE {work.table} SET {work.column} = {work.default} WHERE {work.column} IS NULL "
        f"AND ctid >= {start} AND ctid < {end}"
    )


def _range(connection: Any, work: Fill, start: int, end: int) -> int:
    sql = range_sql(work, f"'({start},0)'::pg_catalog.tid", f"'({end},0)'::pg_catalog.tid")
    composed = sql if work.params is None else connection.ops.compose_sql(sql, work.params)
    for attempt in range(ATTEMPTS):
        try:
            with connection.cursor() as cursor:
                cursor.execute(composed, None)
                return int(cursor.rowcount)
        except OperationalError as error:
            if sqlstate(error) != DEADLOCK or attempt == ATTEMPTS - 1:
                raise
    return 0
