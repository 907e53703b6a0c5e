"""The steps of a plan that take their time -> what each of them will cost, by the sizes of today."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from ...catalog.records import Size
from ...ddl import statements as s
from ...naming import unquote
from ...places import Place, location
from ...planning import costs
from ...planning.costs import Cost, Values
from ...planning.kinds import Batches, Blocking, ConcurrentBuild, Long, Reading, Step
from ...planning.queries import Fill
from ...record import Row
from ...reporting.forecast import LongStep
from .sizes import Sizes

_METHOD = re.compile(r"\bUSING (?!INDEX\b)(\w+)", re.IGNORECASE)
_WORDS = re.compile(r'"((?:[^"]|"")+)"|(\w+)')


class Planned(Row):
    """A step that was planned.

    :param table: today's name of its table.
    :param rows: how many rows a fill changes; None if that is not known.
    """

    step: Step
    place: Place | None
    table: str
    rows: int | None = None


class Forecasting:
    """The forecast for migrations.

    :param load: BACKFILL_LOAD.
    """

    def __init__(self, sizes: Sizes, load: float) -> None:
        self.sizes = sizes
        self.load = load

    def of(self, migration: Any, planned: list[Planned]) -> Iterator[LongStep]:
        """Yield the long steps of a migration on tables that are large."""
        for _, group in groupby(planned, lambda each: id(each.step.statement)):
            steps = list(_once(group))
            if _is_online(steps):
                yield from self._long(migration, steps[0], "online change of type", self._online(steps))
                continue
            for each in steps:
                if kind := _kind(each):
                    yield from self._long(migration, each, kind, self._cost(each, kind))

    def _long(self, migration: Any, each: Planned, kind: str, cost: Cost | None) -> Iterator[LongStep]:
        size = self.sizes.of(each.table)
        if (size.bytes or 0) < costs.LARGE:
            return
        place, lock = each.place, isinstance(each.step, Blocking)
        modes = [x.mode for x in each.step.locks if x.mode.blocks_traffic] if lock else []
        yield LongStep(
            app=migration.app_label,
            migration=migration.name,
            operation=type(place.operation).__name__ if place else "",
            location=location(migration, place.path if place else ()),
            kind=kind,
            table=each.table,
            rows=size.rows if each.rows is None else each.rows,
            size=size.bytes,
            seconds=None if cost is None else cost.seconds,
            wal=None if cost is None else round(cost.wal),
            disk=None if cost is None else round(cost.disk),
            blocks="" if not modes else "reads and writes" if any(x.blocks_reads for x in modes) else "writes",
        )

    def _online(self, steps: list[Planned]) -> Cost | None:
        """Return the cost of all steps of one change of type; the column that is replaced goes in the last of them."""
        total = Cost()
        for each in steps:
            kind = _kind(each)
            cost = self._cost(each, kind) if kind else Cost()
            if cost is None:
                return None
            total = total.plus(cost)
        return total

    def _cost(self, each: Planned, kind: str) -> Cost | None:
        """Return the cost of a step; None if the size, or the kind of index, does not tell it."""
        size = self.sizes.of(each.table)
        if size.bytes is None or size.rows is None:
            return None
        match kind:
            case "fill":
                return costs.fill(size, size.rows if each.rows is None else each.rows, self.load)
            case "index build":
                return self._build(each, size)
            case "validation" | "scan":
                return costs.scan(size)
        return costs.rewrite(size)

    def _build(self, each: Planned, size: Size) -> Cost | None:
        definition = each.step.queries[0].sql.partition(f" ON {each.step.statement.table}")[2].partition(" WHERE ")[0]
        method = _METHOD.search(definition)
        if method and method[1].lower() != "btree":
            return None
        known = self.sizes.values(each.table)
        words = [quoted.replace('""', '"') or plain for quoted, plain in _WORDS.findall(definition)]
        return costs.build(size, [known[word] for word in words if word in known] or [Values()])


def _once(planned: Iterable[Planned]) -> Iterator[Planned]:
    """Leave out a second pass of a fill, which finds nearly nothing, and one without rows."""
    seen = set[tuple[str, str]]()
    for each in planned:
        where = filled(each.step)
        if where is None or (where not in seen and each.rows != 0):
            yield each
        if where is not None:
            seen.add(where)


def _is_online(steps: list[Planned]) -> bool:
    return isinstance(steps[0].step.statement, s.SetType) and any(isinstance(x.step, Batches) for x in steps)


def _kind(each: Planned) -> str:
    """Return what a step does that takes its time; empty if it takes a moment."""
    step = each.step
    if isinstance(step, Batches):
        return "fill"
    if isinstance(step, ConcurrentBuild):
        return "index build"
    if isinstance(step, Long):
        return "validation" if " VALIDATE CONSTRAINT " in step.sql else ""
    if not isinstance(step, Blocking):
        return ""
    if isinstance(step.statement, (s.CreateIndex, s.AddUnique, s.AddPrimaryKey, s.AddExclusion)):
        return "index build"
    if isinstance(step, Reading) or isinstance(step.statement, (s.AddCheck, s.AddForeignKey, s.SetNotNull)):
        return "scan"
    return "rewrite"


def filled(step: Step) -> tuple[str, str] | None:
    """Return the table and the plain name of the column whose NULL a step replaces; None for another step."""
    work = step.work if isinstance(step, Batches) else None
    return (work.table, unquote(work.column)) if isinstance(work, Fill) else None
