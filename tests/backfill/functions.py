"""Functions that a ``Backfill`` gives rows to."""

from __future__ import annotations

from typing import Any

from django.db.models import F


def update(apps: Any, rows: Any) -> None:
    rows.update(times=F("times") + 1, note="done")


def save(apps: Any, rows: Any) -> None:
    """Row by row, as Python alone can compute it."""
    for row in rows:
        row.times += 1
        row.note = "done"
        row.save()


def save_half(apps: Any, rows: Any) -> None:
    rows.filter(pk__lt=19_000).update(times=F("times") + 1, note="done")


def fail(apps: Any, rows: Any) -> None:
    rows.update(times=F("times") + 1, note="done")
    if rows.filter(pk=15_000).exists():
        raise ValueError("no slug")


def divide(apps: Any, rows: Any) -> None:
    rows.update(times=1 / (F("id") - 777), note="done")


def delete(apps: Any, rows: Any) -> None:
    rows.delete()


def wrap(apps: Any, rows: Any) -> None:
    for row in rows:
        row.wrapped, row.times, row.note = True, row.times + 1, "done"
        row.save()
