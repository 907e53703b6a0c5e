"""The output of `stall.py`: a line for each run, and a table of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median

from .stall_figures import CONTESTANTS, NOTHING, TITLES, Results, Run, blocked, longest, wall

HEADER = (
    f"{'operation':34}{'outcome':>13}{'wall s':>9}{'report s':>10}{'longest ms':>12}{'p99.9 ms':>10}{'blocked s':>11}"
    f"{'errors':>8}{'deadlocks':>11}"
)


def table(results: Results, report: bool) -> Iterator[str]:
    """Medians of the rounds; errors and deadlock victims of all rounds together."""
    yield f"\n{'With the report' if report else 'Without the report'}"
    yield HEADER
    if calm := results.of(NOTHING, report):
        yield row(TITLES[NOTHING], calm, "")
    for name in results.operations(report):
        star = " *" if name in results.short else ""
        yield f"{results.titles[name]}{star}"
        for contestant in CONTESTANTS:
            if runs := results.of(contestant, report, name):
                yield row(f"    {TITLES[contestant]}", runs, outcomes(runs))
    yield "* the short operations; their medians:"
    for contestant in CONTESTANTS:
        stall, standing = (results.over_short(contestant, report, figure) for figure in (longest, blocked))
        if stall is not None and standing is not None:
            yield f"    {TITLES[contestant]:30}{'':32}{1000 * stall:12.1f}{'':10}{standing:11.2f}"


def row(title: str, runs: list[Run], outcome: str) -> str:
    middle = [
        median(figure(run) for run in runs)
        for figure in (wall, lambda r: r.until_report, longest, lambda r: r.p999, blocked)
    ]
    seconds, report, stall, p999, standing = middle
    errors, deadlocks = sum(run.failed for run in runs), sum(run.deadlocks for run in runs)
    return (
        f"{title:34}{outcome:>13}{seconds:9.2f}{report:10.2f}{1000 * stall:12.1f}{1000 * p999:10.1f}"
        f"{standing:11.2f}{errors:8}{deadlocks:11}"
    )


def outcomes(runs: list[Run]) -> str:
    failed = sum(not run.applied for run in runs)
    if not failed:
        return "applied"
    return "fails" if failed == len(runs) else f"fails {failed} of {len(runs)}"


def failures(results: Results) -> Iterator[str]:
    """Why migrations were not applied, and what clients were told, for each contestant."""
    for contestant in CONTESTANTS:
        runs = [run for run in results.runs if run.contestant == contestant]
        reasons = Counter(run.outcome for run in runs if not run.applied)
        for reason, count in reasons.most_common():
            yield f"{TITLES[contestant]}: {count} x not applied: {reason}"
        told = sum((Counter(run.errors) for run in runs), Counter[str]())
        for error, count in told.most_common(5):
            yield f"{TITLES[contestant]}: {count} x a client's error: {error}"


def one_line(title: str, run: Run) -> str:
    """Return the line that is printed while the next one runs."""
    report = f", the report for {run.until_report:.2f} s more" if run.report else ""
    again = f" at attempt {run.attempts}" if run.attempts > 1 else ""
    errors = f", {run.failed} client errors, {run.deadlocks} deadlocks" if run.errors else ""
    return (
        f"{title}, {TITLES[run.contestant]}: {run.outcome}{again} after {run.wall:.2f} s{report}; longest query "
        f"{1000 * run.longest:.0f} ms, p99.9 {1000 * run.p999:.1f} ms, blocked {run.blocked:.2f} s{errors}"
    )
