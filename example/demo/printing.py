"""The output of the demo: a progress line on a terminal, a block per migration, the comparison at the end."""

from __future__ import annotations

import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable

from example.demo.migrating import Applied
from example.demo.traffic import Seen

# A query of a shopper takes a few milliseconds; on a busy machine some take ten times as long.
STANDSTILL = 0.1
NAMES = {"ours": "zero downtime", "stock": "stock Django"}


class Progress(threading.Thread):
    """A line that is written over and over, on a terminal only; in a log file there would be nothing to write over."""

    def __init__(self, text: Callable[[], str]) -> None:
        super().__init__(daemon=True)
        self.text = text
        self.stopped = threading.Event()

    def __enter__(self) -> Progress:
        if sys.stdout.isatty():
            self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stopped.set()
        if self.is_alive():
            self.join()
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()

    def run(self) -> None:
        while not self.stopped.wait(0.1):
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write("\r\033[K" + self.text()[:width])
            sys.stdout.flush()


class Clock:
    """Says a step, does it, says how long it took: `with Clock("filling")`."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        print(f"{self.what} ...", end=" ", flush=True)
        self.begin = time.monotonic()

    def __exit__(self, kind: object, *exc_info: object) -> None:
        print("stopped" if kind else f"{time.monotonic() - self.begin:.1f} s", flush=True)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}"


def show_applied(applied: Applied) -> None:
    """One line of figures, and below it what the server did."""
    mark = "FAILED" if applied.failure else ""
    figures = f"{applied.seconds:7.2f} s   longest stall {milliseconds(applied.seen.stall):>6} ms"
    print(f"{applied.name:<38}{figures}   client errors {len(applied.seen.errors)}  {mark}".rstrip())
    lines = applied.files + applied.locks.lines()
    lines += applied.waited
    lines += [f"warning: {text}" for text in applied.warnings]
    lines += [f"client error: {text}" for text in sorted(set(applied.seen.errors))[:3]]
    if applied.failure:
        lines.append(applied.failure)
    for line in lines:
        print(textwrap.fill(line, 110, initial_indent="      ", subsequent_indent="        "))
    sys.stdout.flush()


def show_comparison(results: dict[str, list[Applied]], migrations: list[str], whole: dict[str, Seen]) -> None:
    """Migration by migration, an engine per column, then the totals."""
    engines = list(results)
    rule = "-" * (38 + 32 * len(engines))
    print(f"\n{'':<38}" + "".join(f"{NAMES[engine]:>32}" for engine in engines))
    print(f"{'migration':<38}" + f"{'seconds':>14}{'longest stall':>18}" * len(engines))
    print(rule)
    for name in migrations:
        cells = (next((a for a in results[engine] if a.name == name), None) for engine in engines)
        print(f"{name:<38}" + "".join(map(cell, cells)))
    print(rule)
    for label, figure in TOTALS.items():
        print(f"{label:<38}" + "".join(f"{figure(results[engine], whole[engine]):>32}" for engine in engines))
    sys.stdout.flush()


def cell(applied: Applied | None) -> str:
    if applied is None:
        return f"{'not run':>32}"
    if applied.failure:
        return f"{'FAILED':>32}"
    rewrites = any("TABLE REWRITTEN" in line for line in applied.files)
    star = "*" if rewrites or any("REBUILT" in line for line in applied.files) else " "
    return f"{applied.seconds:>14.2f}{milliseconds(applied.seen.stall):>14} ms{star}"


TOTALS: dict[str, Callable[[list[Applied], Seen], str]] = {
    "migrations applied": lambda results, seen: str(sum(not a.failure for a in results)),
    "seconds in all": lambda results, seen: f"{sum(a.seconds for a in results):.1f}",
    "longest stall of a client, ms": lambda results, seen: milliseconds(seen.stall),
    "migrations that stalled one > 1000 ms": lambda results, seen: str(sum(a.seen.stall > 1 for a in results)),
    "migrations that stalled one > 250 ms": lambda results, seen: str(sum(a.seen.stall > 0.25 for a in results)),
    "seconds that clients stood still": lambda results, seen: f"{seen.stood_still(STANDSTILL):.1f}",
    "client queries": lambda results, seen: f"{len(seen.queries):,}",
    "client errors": lambda results, seen: str(len(seen.errors)),
    "attempts that got no lock": lambda results, seen: str(attempts(results)),
}


def attempts(results: list[Applied]) -> int:
    return sum(line.startswith("Attempt") for applied in results for line in applied.waited)


def explanation(seconds: float) -> str:
    return f"""
* the table was rewritten or an index rebuilt in place.
A stall is the longest time that one query of a reader or writer took, begun during the migration; the waits of the
report are not counted. Clients stood still: the sum, over readers and writers, of queries of more than 100 ms.
Readers and writers are processes of their own and time themselves. Locks are looked up in pg_locks every 10 ms, so
shorter ones show as "held briefly" or not at all. The server runs with fsync off.
Whether a migration meets the report is chance; on a busy server something is always running.
Where the report holds what a statement needs, the backend waits outside the queue until it is over.
The demo took {seconds:.0f} s."""
