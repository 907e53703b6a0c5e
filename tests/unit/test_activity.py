"""A row of ``pg_stat_progress_create_index`` in words."""

from __future__ import annotations

import pytest

from django_zero_downtime_migrations.execution.progress.activity import (
    NAME,
    Activity,
    Description,
    duration,
    name,
)
from django_zero_downtime_migrations.locks import Blocker
from django_zero_downtime_migrations.sizes import readable

SCANNING = Activity("building index: scanning table", blocks_done=0, blocks_total=131072)


def test_scan_says_how_much_of_how_much() -> None:
    text = Description().of(SCANNING._replace(blocks_done=32768), 12, 0)
    assert text == "building index: scanning table, 25 % of 1.0 GB, 12 s"


def test_rest_of_a_phase_is_reckoned_from_what_has_been_seen_of_it() -> None:
    description = Description()
    description.of(SCANNING._replace(blocks_done=1072), 60, 1000)
    # 13,000 blocks in 10 s, and 117,000 are left.
    text = description.of(SCANNING._replace(blocks_done=14072), 70, 1010)
    assert text.endswith("1 min 10 s, about 1 min 30 s left of this phase")


def test_next_phase_is_reckoned_for_itself() -> None:
    description = Description()
    description.of(SCANNING, 0, 0)
    description.of(SCANNING._replace(blocks_done=100000), 10, 10)
    validating = Activity("index validation: scanning table", blocks_done=10, blocks_total=131072)
    assert "left" not in description.of(validating, 11, 11)


def test_sorted_rows_are_counted_where_blocks_are_not() -> None:
    loading = Activity(
        "building index: loading tuples in tree",
        blocks_done=131072,
        blocks_total=131072,
        tuples_done=500000,
        tuples_total=2000000,
    )
    assert "25 % of 2,000,000 rows" in Description().of(loading, 1, 1)


@pytest.mark.parametrize("phase", ["building index: sorting live tuples", "waiting for old snapshots"])
def test_numbers_of_an_earlier_phase_are_not_shown(phase: str) -> None:
    assert "%" not in Description().of(SCANNING._replace(phase=phase), 1, 1)


def test_empty_table_divides_by_nothing() -> None:
    text = Description().of(SCANNING._replace(blocks_total=0), 1, 1)
    assert text == "building index: scanning table, 1 s"


def test_those_waited_for_are_counted_where_there_are_several() -> None:
    waiting = Activity("waiting for old snapshots", lockers_done=3, lockers_total=7)
    assert "3 of 7 gone" in Description().of(waiting, 1, 1)


def test_partitions_are_counted() -> None:
    text = Description().of(SCANNING._replace(partitions_done=2, partitions_total=5), 1, 1)
    assert "2 of 5 partitions done" in text


def test_who_is_in_the_way_is_named() -> None:
    blocker = Blocker(
        17, "shop", "report", "10.0.0.5", "client backend", "idle in transaction", None, 9000, None, None, False, None
    )
    text = Description().of(Activity(blockers=(blocker,)), 12, 0)
    assert text == "12 s. Waits for pid 17 (shop, application 'report', 10.0.0.5) idle in transaction for 9.0 s"


def test_step_without_phases_has_the_size_of_its_table() -> None:
    assert Description(3 << 20).of(Activity(), 12, 0) == "3.0 MB in the table, 12 s"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (3599, "59 min 59 s"), (7500, "2 h 5 min")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (8192, "8 kB"),
        (5 << 19, "2.5 MB"),
        (300 << 20, "300 MB"),
        (1500 << 30, "1.5 TB"),
        (1500 << 40, "1,500 TB"),
    ],
)
def test_size(count: int, text: str) -> None:
    """The same in a report, in an annotation, and while it runs."""
    assert readable(count) == text


def test_step_is_named_by_its_index() -> None:
    assert name('CREATE UNIQUE INDEX CONCURRENTLY "a" ON "t" ("b")') == 'CREATE UNIQUE INDEX CONCURRENTLY "a"'
    assert name('DROP INDEX CONCURRENTLY IF EXISTS "a"') == 'DROP INDEX CONCURRENTLY IF EXISTS "a"'


def test_name_is_not_too_long() -> None:
    sql = f'ALTER TABLE "{"t" * 60}" VALIDATE CONSTRAINT "{"c" * 60}"'
    assert name(sql).startswith('ALTER TABLE "ttt')
    assert len(name(sql)) == NAME
