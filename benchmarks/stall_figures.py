"""The figures of the clients' queries, in each run and over all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

STOCK, PG_ZERO_DOWNTIME, AGAIN, OURS, NOTHING = (
    "stock",
    "pg-zero-downtime-2s",
    "pg-zero-downtime-200ms",
    "ours",
    "nothing",
)
TITLES = {
    STOCK: "stock Django",
    PG_ZERO_DOWNTIME: "pg-zero-downtime, 2 s",
    AGAIN: "pg-zero-downtime, 200 ms again",
    OURS: "ours",
    NOTHING: "no migration",
}
CONTESTANTS = (STOCK, PG_ZERO_DOWNTIME, AGAIN, OURS)
#: A query that takes longer has been stalled; it is also what a longest query may take where nothing stalls.
STALL = 0.02
DEADLOCK = "40P01"

Query = tuple[float, float, str]


@dataclass(frozen=True)
class Run:
    """One migration under traffic; times in seconds.

    :ivar until_report: from its start to the end of the report that was running then; 0 without a report.
    :ivar p999: as long as the longest where there were fewer than a thousand queries.
    :ivar blocked: the sum, over all clients, of queries that took longer than `STALL`.
    :ivar errors: how often clients were told what, beginning with its SQLSTATE; deadlock victims included.
    """

    round: int
    report: bool
    operation: str
    contestant: str
    outcome: str = "applied"
    attempts: int = 1
    wall: float = 0.0
    until_report: float = 0.0
    queries: int = 0
    longest: float = 0.0
    p999: float = 0.0
    blocked: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def applied(self) -> bool:
        return self.outcome == "applied"

    @property
    def failed(self) -> int:
        """Queries, of the clients."""
        return sum(self.errors.values())

    @property
    def deadlocks(self) -> int:
        return sum(count for error, count in self.errors.items() if error.startswith(DEADLOCK))


def seen(queries: Iterable[Query], began: float, ended: float) -> dict[str, Any]:
    """The figures of a :class:`Run` that clients give: of the queries that ran at some time between these two moments.

    Errors count until the end of the traffic: what a migration leaves behind must not break the clients either.
    """
    after = [query for query in queries if query[0] + query[1] >= began]
    meanwhile = sorted(seconds for started, seconds, _ in after if started <= ended)
    return {
        "queries": len(meanwhile),
        "longest": meanwhile[-1] if meanwhile else 0.0,
        "p999": quantile(meanwhile, 0.999),
        "blocked": sum(seconds for seconds in meanwhile if seconds > STALL),
        "errors": dict(Counter(error for _, _, error in after if error)),
    }


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of these values that has at least this share of them at or below it."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else 0.0


@dataclass(frozen=True)
class Results:
    """The results of all runs so far, and which operations are the short ones.

    :param lock_timeout: of ours, in seconds.
    """

    runs: list[Run]
    titles: dict[str, str]
    short: frozenset[str]
    partitions: str
    lock_timeout: float

    def of(self, contestant: str, report: bool, operation: str | None = None) -> list[Run]:
        return [
            run
            for run in self.runs
            if (run.contestant, run.report) == (contestant, report) and operation in (None, run.operation)
        ]

    def operations(self, report: bool) -> list[str]:
        """Return the operations that have been measured."""
        measured = {run.operation for run in self.runs if run.report == report and run.contestant != NOTHING}
        return [name for name in self.titles if name in measured]

    def median(self, contestant: str, report: bool, operation: str, figure: Callable[[Run], float]) -> float | None:
        """Return the median of the rounds."""
        runs = self.of(contestant, report, operation)
        return median(figure(run) for run in runs) if runs else None

    def over_short(self, contestant: str, report: bool, figure: Callable[[Run], float]) -> float | None:
        """The median, over the short operations, of the medians of the rounds."""
        names = [name for name in self.operations(report) if name in self.short]
        found = [self.median(contestant, report, name, figure) for name in names]
        known = [value for value in found if value is not None]
        return median(known) if known else None


def wall(run: Run) -> float:
    return run.wall


def longest(run: Run) -> float:
    return run.longest


def blocked(run: Run) -> float:
    return run.blocked
