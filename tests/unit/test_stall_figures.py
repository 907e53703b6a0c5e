"""The benchmark `benchmarks/stall.py`: its figures from the clients' queries, and its verdicts on limits."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.stall_figures import AGAIN, NOTHING, OURS, PG_ZERO_DOWNTIME, STOCK, Results, Run, quantile, seen
from benchmarks.stall_limits import lines, verdict
from benchmarks.stall_table import table

SHORT, LONG, PARTS = "add_null", "add_index", "partitions"
TITLES = {SHORT: "AddField null", LONG: "AddIndex", PARTS: "three partitions"}


def run(contestant, *, report=True, operation=SHORT, longest=0.01, blocked=0.0, wall=5.0, **figures):
    until = 5.0 if report else 0.0
    return Run(
        0, report, operation, contestant, wall=wall, until_report=until, longest=longest, blocked=blocked, **figures
    )


def good_runs():
    """Exactly at each limit."""
    return [
        run(STOCK, longest=4.5, blocked=27.0),
        run(PG_ZERO_DOWNTIME, longest=2.0, blocked=12.0, outcome="OperationalError"),
        run(AGAIN, longest=0.2, blocked=15.0),
        run(OURS, longest=0.05, blocked=0.24, wall=6.0),
        run(OURS, operation=PARTS, longest=2.4),
        run(OURS, operation=LONG, wall=8.4),
        run(STOCK, report=False, longest=0.03),
        run(OURS, report=False, longest=0.03),
        run(OURS, report=False, operation=LONG, wall=2.0),
    ]


def results(runs):
    return Results(runs, TITLES, frozenset({SHORT}), PARTS, lock_timeout=2.0)


def kept(runs):
    return [line.kept for line in lines(results(runs))]


def changed(**figures):
    """Change the good runs, for ours of the short operation."""
    return [
        dataclasses.replace(one, **figures) if (one.contestant, one.operation) == (OURS, SHORT) else one
        for one in good_runs()
    ]


def failing(runs):
    return [line.text for line in lines(results(runs)) if line.kept is False]


def test_query_that_overlaps_the_migration_counts():
    queries = [(0.0, 0.9, ""), (0.5, 0.6, ""), (1.5, 3.0, ""), (2.1, 9.0, "")]
    assert seen(queries, began=1.0, ended=2.0) == {
        "queries": 2,
        "longest": 3.0,
        "p999": 3.0,
        "blocked": pytest.approx(3.6),
        "errors": {},
    }


def test_query_below_the_threshold_was_not_blocked():
    assert seen([(1.0, 0.02, ""), (1.0, 0.021, "")], began=1.0, ended=2.0)["blocked"] == 0.021


def test_error_after_the_migration_counts_and_one_before_it_does_not():
    queries = [(0.0, 0.1, "42P01 early"), (1.2, 0.1, "40P01 deadlock detected"), (2.5, 0.1, "42703 no such column")]
    assert seen(queries, began=1.0, ended=2.0)["errors"] == {"40P01 deadlock detected": 1, "42703 no such column": 1}


def test_deadlock_victims_are_told_apart():
    one = run(STOCK, errors={"40P01 deadlock detected": 2, "42703 no such column": 3})
    assert (one.failed, one.deadlocks) == (5, 2)


def test_no_queries_have_no_figures():
    assert seen([], began=1.0, ended=2.0)["longest"] == 0.0


@pytest.mark.parametrize(("count", "index"), [(1, 0), (999, 998), (1000, 998), (1001, 999), (2000, 1997)])
def test_quantile_leaves_its_share_below_it(count, index):
    assert quantile(range(count), 0.999) == index


def test_limits_are_kept_where_they_are_just_reached():
    assert kept(good_runs()) == [True] * 11


@pytest.mark.parametrize(
    ("figures", "missed"),
    [
        ({"longest": 0.051}, ["longest stall, short operations: at most 1/40", "longest stall, short operations: at"]),
        ({"blocked": 0.25}, ["client-seconds blocked, short operations: at most 1/50 of pg-zero-downtime, 2 s"]),
        ({"outcome": "LockNotAcquired"}, ["every operation is applied"]),
        ({"wall": 6.1}, ["short operations are applied within 1.2 x"]),
        ({"errors": {"40P01 deadlock detected": 1}}, ["no client error"]),
    ],
)
def test_limit_that_is_passed_is_reported(figures, missed):
    runs = changed(**figures)
    if "longest" in figures:
        runs = [one for one in runs if one.report]
    found = failing(runs)
    assert [text.startswith(start) for text, start in zip(found, missed, strict=True)] == [True] * len(missed)


def test_operation_that_builds_has_the_time_that_it_takes_without_a_report():
    runs = [one for one in good_runs() if one.operation != LONG]
    both = [run(OURS, operation=LONG, wall=8.5), run(OURS, report=False, operation=LONG, wall=2.0)]
    [line] = failing([*runs, *both])
    assert line.startswith("the others within 1.2 x")


def test_every_run_on_the_partitions_counts():
    again = [run(OURS, operation=PARTS, longest=0.1), run(OURS, operation=PARTS, longest=0.1)]
    assert failing([*good_runs(), *again]) == []
    [line] = failing([*good_runs(), *again, run(OURS, operation=PARTS, longest=2.5)])
    assert line.startswith("three partitions")


def test_without_a_report_what_is_no_stall_is_not_above_stock():
    both = [run(STOCK, report=False, longest=0.005), run(OURS, report=False, longest=0.02)]
    assert failing(both) == []
    [line] = failing([*both[:1], run(OURS, report=False, longest=0.021)])
    assert line.startswith("without a report")


def test_without_a_report_what_a_query_takes_without_a_migration_is_no_stall():
    runs = [run(NOTHING, report=False, longest=0.03), run(STOCK, report=False), run(OURS, report=False, longest=0.03)]
    assert failing(runs) == []


def test_medians_over_short_operations_leave_the_others_out():
    runs = [*good_runs(), run(OURS, operation=LONG, longest=1.0, blocked=9.0)]
    assert failing(runs) == []


def test_median_is_that_of_the_rounds():
    runs = [run(OURS, longest=longest) for longest in (0.01, 0.02, 9.0)]
    assert results(runs).over_short(OURS, True, lambda one: one.longest) == 0.02


def test_what_was_not_measured_is_neither_kept_nor_missed():
    assert kept([run(STOCK)]) == [None] * 11
    assert all(text.startswith("  -") for text in verdict(results([])))


def test_table_says_which_contestant_was_not_applied():
    rows = [line for line in table(results(good_runs()), True) if line.startswith("    pg-zero-downtime, 2 s")]
    assert rows[0].split()[3] == "fails"
