"""The limits that ours has to keep, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from .stall_figures import (
    AGAIN,
    NOTHING,
    OURS,
    PG_ZERO_DOWNTIME,
    STALL,
    STOCK,
    TITLES,
    Results,
    Run,
    blocked,
    longest,
    wall,
)


@dataclass(frozen=True)
class Line:
    """One limit. :ivar kept: None when this was not measured."""

    text: str
    found: str
    kept: bool | None


def lines(results: Results) -> list[Line]:
    """The limits, in the order in which the README names them."""
    return [
        ratio(results, "longest stall", longest, PG_ZERO_DOWNTIME, 40),
        ratio(results, "longest stall", longest, AGAIN, 4),
        *(ratio(results, "client-seconds blocked", blocked, other, 50) for other in (STOCK, PG_ZERO_DOWNTIME, AGAIN)),
        completes(results),
        in_time(results),
        in_time_with_work(results),
        no_errors(results),
        partitions(results),
        without_report(results),
    ]


def ratio(results: Results, what: str, figure: Callable[[Run], float], other: str, limit: int) -> Line:
    text = f"{what}, short operations: at most 1/{limit} of {TITLES[other]}"
    ours, theirs = (results.over_short(name, True, figure) for name in (OURS, other))
    if ours is None or theirs is None:
        return Line(text, "not measured", None)
    share = f"1/{theirs / ours:.0f}" if ours else "none at all"
    return Line(text, f"{ours:.3f} s of {theirs:.3f} s: {share}", ours <= theirs / limit)


def completes(results: Results) -> Line:
    text = "every operation is applied"
    runs = [run for run in results.runs if run.contestant == OURS]
    failed = sorted({results.titles[run.operation] for run in runs if not run.applied})
    found = f"not: {', '.join(failed)}" if failed else f"{len(runs)} runs"
    return Line(text, found, not failed if runs else None)


def in_time(results: Results) -> Line:
    """Medians of the rounds; the slowest operation counts."""
    text = "short operations are applied within 1.2 x the time until the report ends"
    found = shares(results, lambda name: name in results.short, lambda name: 0.0)
    return at_most(results, text, 1.2, found, "")


def in_time_with_work(results: Results) -> Line:
    """Builds and scans take their time with or without a report, so that what they take without one is added."""
    text = "the others within 1.2 x that and their own time without a report"
    own = {name: results.median(OURS, False, name, wall) for name in results.operations(True)}
    found = shares(
        results, lambda name: name not in results.short and own[name] is not None, lambda name: own[name] or 0
    )
    alone = shares(results, lambda name: name in found, lambda name: 0.0)
    above = [f"{results.titles[name]} {share:.2f}" for name, share in alone.items() if share > 1.2]
    return at_most(results, text, 1.2, found, f" (without adding it: {', '.join(above)})" if above else "")


def shares(results: Results, wanted: Callable[[str], bool], extra: Callable[[str], float]) -> dict[str, float]:
    """Return by operation: the time that ours took, as a multiple of the time until the report ended and this extra."""
    return {
        name: median(run.wall / (run.until_report + extra(name)) for run in runs)
        for name in results.operations(True)
        if wanted(name) and (runs := [run for run in results.of(OURS, True, name) if run.applied])
    }


def at_most(results: Results, text: str, limit: float, found: dict[str, float], remark: str) -> Line:
    if not found:
        return Line(text, "not measured", None)
    slow = [f"{results.titles[name]} {share:.2f}" for name, share in found.items() if share > limit]
    return Line(
        text, (f"above: {', '.join(slow)}" if slow else f"at most {max(found.values()):.2f}") + remark, not slow
    )


def no_errors(results: Results) -> Line:
    text = "no client error, no deadlock victim among the clients"
    runs = [run for run in results.runs if run.contestant == OURS]
    found = f"{sum(run.failed for run in runs)} errors, {sum(run.deadlocks for run in runs)} of them deadlocks"
    others = ", ".join(
        f"{TITLES[name]} {sum(run.deadlocks for run in results.runs if run.contestant == name)}"
        for name in (STOCK, PG_ZERO_DOWNTIME, AGAIN)
    )
    kept = not any(run.errors for run in runs) if runs else None
    return Line(text, f"{found} (deadlocks with {others})", kept)


def partitions(results: Results) -> Line:
    """Judge every run, not their median."""
    limit = 1.2 * results.lock_timeout
    text = f"three partitions: no stall above LOCK_TIMEOUT + 20 % ({limit:.1f} s)"
    found = [run.longest for run in results.of(OURS, True, results.partitions)]
    return Line(text, f"longest {max(found):.3f} s", max(found) <= limit) if found else Line(text, "not measured", None)


def without_report(results: Results) -> Line:
    """Judge operation by operation; a wait that is not a stall, or not longer than a query takes anyway, passes."""
    calm = [run.longest for run in results.of(NOTHING, False)]
    none = max(STALL, median(calm)) if calm else STALL
    text = f"without a report: longest stall not above stock's (up to {1000 * none:.0f} ms counts as none)"
    above, measured = [], 0
    for name in results.operations(False):
        ours, stock = (results.median(who, False, name, longest) for who in (OURS, STOCK))
        if ours is not None and stock is not None:
            measured += 1
            if ours > max(stock, none):
                above.append(f"{results.titles[name]} {1000 * ours:.0f} ms to {1000 * stock:.0f} ms")
    found = f"above: {', '.join(above)}" if above else f"{measured} operations"
    return Line(text, found, not above if measured else None)


def verdict(results: Results) -> Iterator[str]:
    for line in lines(results):
        mark = {True: "pass", False: "FAIL", None: "  - "}[line.kept]
        yield f"{mark}  {line.text}: {line.found}"
