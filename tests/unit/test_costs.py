"""The figures of the forecast, worked out by hand for a table of a million rows and 100 MB."""

from __future__ import annotations

import pytest

from django_zero_downtime_migrations.catalog.records import Size
from django_zero_downtime_migrations.planning import costs
from django_zero_downtime_migrations.planning.costs import Cost, Values
from django_zero_downtime_migrations.reporting.forecast import LongStep, in_words, total

MB = 1024**2
TABLE = Size(rows=1_000_000, bytes=100 * MB, indexes=20 * MB)


def test_fill_of_all_rows() -> None:
    """A row is written again with its index entries: 2.7 x 80 MB + 4.2 x 20 MB of WAL, 0.12 x 80 MB + 20 MB of disk."""
    cost = costs.fill(TABLE, 1_000_000, load=1)

    assert cost.seconds == pytest.approx(50 + 0.4)
    assert (cost.wal, cost.disk) == (pytest.approx(300 * MB), pytest.approx(29.6 * MB))


def test_fill_of_half_the_rows_that_pauses_half_of_the_time() -> None:
    cost = costs.fill(TABLE, 500_000, load=0.5)

    assert cost.seconds == pytest.approx(50 + 0.4)
    assert (cost.wal, cost.disk) == (pytest.approx(150 * MB), pytest.approx(14.8 * MB))


def test_fill_of_a_table_whose_rows_and_indexes_were_not_counted() -> None:
    """35 MB of it are taken for indexes."""
    assert costs.fill(Size(None, 100 * MB), 0, load=1).disk == pytest.approx((0.12 * 65 + 35) * MB)


def test_index_of_values_of_eight_bytes() -> None:
    """An entry has 8 bytes before its value, and 4 in the list of the page, which is full to nine tenths."""
    assert costs.build(TABLE, [Values(8)]).disk == pytest.approx(1_000_000 * 20 / 0.9)
    assert costs.build(TABLE, [Values(4)]).disk == costs.build(TABLE, [Values(8)]).disk
    assert costs.build(TABLE, [Values(8), Values(13)]).disk == pytest.approx(1_000_000 * (12 + 8 + 16) / 0.9)


def test_equal_entries_of_an_index_are_in_one_list() -> None:
    """Ten rows for each value: one entry of 20 bytes for each ten of 6 bytes."""
    assert costs.build(TABLE, [Values(8, 100_000)]).disk == pytest.approx(1_000_000 * 8 / 0.9)
    assert costs.build(TABLE, [Values(8, 1_000_000)]).disk == pytest.approx(1_000_000 * 20 / 0.9)


def test_rewrite_needs_a_second_table() -> None:
    assert costs.rewrite(TABLE) == Cost(2.5, 80 * MB, 100 * MB)


def test_scan_writes_nothing() -> None:
    assert costs.scan(TABLE) == Cost(0.4)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "less than 1 s"), (1, "about 1 s"), (119, "about 119 s"), (150, "about 2 min"), (7200, "about 2 h")],
)
def test_time_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def step(**known: object) -> LongStep:
    return LongStep(app="shop", migration="0002", operation="", table='"t"', **{"kind": "fill", **known})


def test_total_is_the_sum_of_what_is_known() -> None:
    found = total([step(seconds=100.0, wal=MB, disk=2 * MB), step(seconds=50.0, wal=MB, disk=0), step()])

    assert (found.seconds, found.wal, found.disk, found.is_whole, found.longest) == (150, 2 * MB, 2 * MB, False, None)
    assert str(found) == (
        "Forecast, which is rough: about 2 min, 2.0 MB of WAL, 2.0 MB of disk, and steps whose cost is not known; "
        "no lock makes statements wait for more than a moment."
    )


def test_total_names_the_longest_lock() -> None:
    scan = step(kind="scan", seconds=2.0, blocks="reads and writes")
    build = step(kind="index build", seconds=9.0, blocks="writes")

    assert str(total([scan, build])) == 'Forecast, which is rough: about 11 s; writes of "t" wait for about 9 s.'
    assert total([scan, build]).longest is build
