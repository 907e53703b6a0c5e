"""The figures of the forecast: measured on a server with two busy cores, by ``benchmarks/calibration.py``, and rough.

Another server is two or three times as fast or as slow. WAL and disk depend on the rows more than on the server: they
are within a factor of two of what was measured, with rows of 100 to 500 bytes and up to five indexes.
"""

from __future__ import annotations

from ..catalog.records import Size
from ..record import Row

#: Bytes of a table from which its long steps, and the room that old values keep in it, are worth a word.
LARGE = 10 * 1024**2
#: Rows that a fill writes in a second if it never pauses.
FILLED = 20_000
#: Rows that a concurrent build of an index sorts and writes in a second, beside the reading of the table.
INDEXED = 1_000_000
#: Bytes that a scan reads in a second, and that a rewrite of a table with its indexes writes.
READ, REWRITTEN = 200 * 1024**2, 40 * 1024**2
#: WAL of a row that a fill writes, in parts of its own bytes and of those of its index entries; WAL of a rewrite.
FILL_WAL, FILL_INDEX_WAL, REWRITE_WAL = 2.7, 4.2, 0.8
#: The part by which a table grows in a fill with a VACUUM after each tenth. Its indexes get a second entry of a row.
FILL_GROWTH = 0.12
#: The part of a table's bytes that its indexes have, where that is not known.
INDEXES = 0.35
#: Bytes of an index entry beside its values, and of one more row in a list of equal entries; how full a page is.
ENTRY, EQUAL_ENTRY, FULL = 12, 6, 0.9
#: The width of a value where no statistics tell it, in bytes.
WIDTH = 8
#: The entries that a list of equal ones takes at most.
LIST = 400


class Cost(Row):
    """A long step's time in seconds, and the bytes of its WAL and of the disk that it needs, maybe only on the way."""

    seconds: float = 0
    wal: float = 0
    disk: float = 0

    def plus(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, self.wal + other.wal, self.disk + other.disk)


class Values(Row):
    """The statistics of a column.

    :param width: bytes of a value.
    :param distinct: how many values there are; None if that is not known.
    """

    width: int = WIDTH
    distinct: float | None = None


def _indexes(size: Size) -> float:
    assert size.bytes is not None
    return INDEXES * size.bytes if size.indexes is None else min(size.indexes, size.bytes)


def _heap(size: Size) -> float:
    assert size.bytes is not None
    return size.bytes - _indexes(size)


def fill(size: Size, rows: int, load: float) -> Cost:
    """Return the cost of an UPDATE in batches.

    :param rows: the rows that it writes.
    :param load: BACKFILL_LOAD, the part of the time in which it does not pause.
    """
    share = min(rows / size.rows, 1) if size.rows else 1
    heap, indexes = share * _heap(size), share * _indexes(size)
    seconds = rows / FILLED / load + _heap(size) / READ
    return Cost(seconds, FILL_WAL * heap + FILL_INDEX_WAL * indexes, FILL_GROWTH * heap + indexes)


def build(size: Size, columns: list[Values]) -> Cost:
    """Return the cost of the build of a btree."""
    rows = size.rows or 0
    entry: float = ENTRY + sum(-(-values.width // 8) * 8 for values in columns)
    if len(columns) == 1 and (distinct := columns[0].distinct):
        equal = min(rows / distinct, LIST)
        entry = min(entry, EQUAL_ENTRY + entry / equal) if equal >= 1 else entry
    disk = rows * entry / FULL
    return Cost(rows / INDEXED + _heap(size) / READ, disk, disk)


def scan(size: Size) -> Cost:
    """Return the cost of reading the whole table."""
    return Cost(_heap(size) / READ)


def rewrite(size: Size) -> Cost:
    """Return the cost of a second table with all of its indexes, beside which the first one stays until the end."""
    assert size.bytes is not None
    return Cost(size.bytes / REWRITTEN, REWRITE_WAL * size.bytes, size.bytes)
