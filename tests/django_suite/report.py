"""The final report of a run of the suites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# So many tests of one Django version may differ from the stock engine, each with its reason.
DECLARED_LIMIT = 5
REASON_LENGTH = 160
FAILURES = {"errors": "ERROR", "failures": "FAILURE", "unexpected_successes": "UNEXPECTED SUCCESS"}


def passed(record: dict[str, Any]) -> bool:
    """True if nothing failed and the engine does not declare more differences than it may."""
    return record["run"] > 0 and not any(_failed(record).values()) and _declared(record) <= DECLARED_LIMIT


def lines(record: dict[str, Any], seconds: float) -> Iterator[str]:
    """The counts, the declared differences and the ids of the tests that failed."""
    for reason, tests in record["declared"].items():
        for test in tests:
            yield f"DECLARED {test} ({reason})"
    if _declared(record) > DECLARED_LIMIT:
        yield f"TOO MANY differences are declared: {_declared(record)}, the limit is {DECLARED_LIMIT}"
    for kind, tests in _failed(record).items():
        for test, reason in sorted(tests.items()):
            yield f"{FAILURES[kind]} {test}: {reason[:REASON_LENGTH]}"
    others = {kind: record[kind] for kind in ("skipped", "expected_failures")}
    counts = [f"{len(tests)} {kind.replace('_', ' ')}" for kind, tests in (_failed(record) | others).items()]
    if stock := sum(len(record[kind]) for kind in FAILURES) - sum(map(len, _failed(record).values())):
        counts.append(f"{stock} that the stock engine fails too")
    yield f"{'OK' if passed(record) else 'FAILED'}: {record['run']} tests in {seconds:.0f} s, {', '.join(counts)}"


def _failed(record: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return what failed with this engine and would not with the stock one, by kind, each with its exception."""
    stock = record["stock"]
    return {kind: {test: why for test, why in record[kind].items() if test not in stock} for kind in FAILURES}


def _declared(record: dict[str, Any]) -> int:
    return sum(map(len, record["declared"].values()))
