"""The forecast of a deployment: its long steps, and what they cost together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..places import Location
from ..record import Record
from ..sizes import readable


class LongStep(Record):
    """A step that takes its time. All figures are rough, and None if they are not known.

    :param operation: the operation's class.
    :param kind: in words.
    :param table: today's name, as in SQL.
    :param rows: about how many it writes or reads.
    :param size: bytes of the table with its indexes.
    :param wal: bytes.
    :param disk: bytes that it needs beside those of the table, some of them only on the way.
    :param blocks: the statements that wait all the time: ``reads and writes``, ``writes`` or nothing.
    """

    app: str
    migration: str
    operation: str
    kind: str
    table: str
    location: Location | None = None
    rows: int | None = None
    size: int | None = None
    seconds: float | None = None
    wal: int | None = None
    disk: int | None = None
    blocks: str = ""

    def __str__(self) -> str:
        operation = f", {self.operation}" if self.operation else ""
        sizes = [f"about {self.rows:,} rows"] if self.rows is not None else []
        sizes += [readable(self.size)] if self.size is not None else []
        what = f"{self.app}.{self.migration}{operation}: {self.kind} of {', '.join([self.table, *sizes])}"
        costs = ", ".join(_costs(self.seconds, self.wal, self.disk)) or "its cost is not known"
        blocked = f"; {self.blocks} wait meanwhile" if self.blocks else ""
        return f"{what}: {costs}{blocked}"


class Total(Record):
    """The sums of what is known, and the longest lock.

    :param longest: the step that makes statements wait for the longest time; None if each makes them wait for a moment.
    :param is_whole: whether the cost of every step is known.
    """

    seconds: float
    wal: int
    disk: int
    longest: LongStep | None
    is_whole: bool

    def __str__(self) -> str:
        costs = ", ".join(_costs(self.seconds, self.wal, self.disk))
        more = "" if self.is_whole else ", and steps whose cost is not known"
        if self.longest is None:
            lock = "no lock makes statements wait for more than a moment"
        else:
            time = f"for {in_words(self.longest.seconds)}" if self.longest.seconds is not None else "for long"
            lock = f"{self.longest.blocks} of {self.longest.table} wait {time}"
        return f"Forecast, which is rough: {costs}{more}; {lock}."


def total(steps: Iterable[LongStep]) -> Total:
    known = list(steps)
    blocking = [step for step in known if step.blocks]
    return Total(
        seconds=sum(step.seconds or 0 for step in known),
        wal=sum(step.wal or 0 for step in known),
        disk=sum(step.disk or 0 for step in known),
        longest=max(blocking, key=lambda step: step.seconds or 0, default=None),
        is_whole=all(step.seconds is not None for step in known),
    )


def _costs(seconds: float | None, wal: int | None, disk: int | None) -> Iterator[str]:
    if seconds is not None:
        yield in_words(seconds)
    if wal:
        yield f"{readable(wal)} of WAL"
    if disk:
        yield f"{readable(disk)} of disk"


def in_words(seconds: float) -> str:
    """Return a rough time: ``about 40 s``, ``about 12 min``."""
    if seconds < 1:
        return "less than 1 s"
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"about {seconds / size:.0f} {unit}"
    return f"about {seconds:.0f} s"


def as_data(steps: tuple[LongStep, ...]) -> dict[str, Any]:
    """Return the forecast for programs."""
    found = total(steps)
    return {
        "steps": [_step(step) for step in steps],
        "seconds": round(found.seconds, 1),
        "wal": found.wal,
        "disk": found.disk,
        "complete": found.is_whole,
        "longest_lock": _step(found.longest) if found.longest else None,
    }


def _step(step: LongStep) -> dict[str, Any]:
    return {
        "app": step.app,
        "migration": step.migration,
        "path": step.location.path if step.location else None,
        "line": step.location.line if step.location else None,
        "operation": step.operation or None,
        "kind": step.kind,
        "table": step.table,
        "rows": step.rows,
        "bytes": step.size,
        "seconds": None if step.seconds is None else round(step.seconds, 1),
        "wal": step.wal,
        "disk": step.disk,
        "blocks": step.blocks or None,
    }
