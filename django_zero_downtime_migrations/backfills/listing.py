"""The backfills of a database as a table for people, or as JSON."""

from __future__ import annotations

import json
from typing import Any

from ..execution.batches.records import Backfills, KeptBackfill
from ..execution.one_migrate.advisory import Holder
from ..printable import printable
from ..record import Row

COLUMNS = ("id", "table", "state", "done", "rows", "rows/s", "held pages", "last activity")


class Listed(Row):
    """A backfill in the list.

    :param runner: the session that runs it.
    """

    entry: KeptBackfill
    runner: Holder | None

    @property
    def state(self) -> str:
        """``pending``: not begun. ``stopped``: begun, and not running."""
        if self.entry.is_paused:
            return "paused"
        if self.runner:
            return "running"
        return "pending" if self.entry.saved is None else "stopped"

    @property
    def share(self) -> float:
        """The done part, from 0 to 1."""
        saved = self.entry.saved
        return min(saved.page / saved.pages, 1.0) if saved and saved.pages else 0.0


def listed(backfills: Backfills) -> list[Listed]:
    return [Listed(entry, backfills.runner(entry)) for entry in backfills.all()]


def as_text(found: list[Listed]) -> str:
    if not found:
        return "No backfill has begun and is not through, and none is owed.\n"
    table = [COLUMNS, *map(_row, found)]
    widths = [max(len(row[column]) for row in table) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join(lines) + "\n"


def _row(one: Listed) -> tuple[str, ...]:
    entry, saved = one.entry, one.entry.saved
    figures = (
        ("-",) * 4
        if saved is None
        else (f"{one.share:.0%}", str(saved.rows), f"{saved.speed:.0f}", str(len(saved.held)))
    )
    cells = (entry.id, entry.table, one.state, *figures, entry.at or "-")
    return tuple(map(printable, cells))


def as_json(found: list[Listed]) -> str:
    return json.dumps({"backfills": [_object(one) for one in found]}, indent=2) + "\n"


def _object(one: Listed) -> dict[str, Any]:
    entry, saved = one.entry, one.entry.saved
    whose = entry.whose.about if entry.whose else {"app": None, "migration": None, "operation": None}
    return {
        "id": entry.id,
        **whose,
        "table": entry.table,
        "state": one.state,
        "later": entry.later,
        "share": round(one.share, 4),
        "page": saved.page if saved else None,
        "pages": saved.pages if saved else None,
        "rows": saved.rows if saved else None,
        "rows_per_second": saved.speed if saved else None,
        "held_pages": len(saved.held) if saved else None,
        "last_activity": entry.at or None,
        "runner": one.runner.who if one.runner else None,
    }
