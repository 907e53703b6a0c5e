"""``manage.py backfills --enqueue``: hand the worker to what runs the project's tasks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.core.management.base import CommandError

from ..compat import has_tasks
from ..printable import printable


def enqueue(database: str, backend: str) -> list[str]:
    """Enqueue the task, and return what there is to say.

    :param backend: an alias of the setting TASKS.
    :raises CommandError: when this Django has no tasks, TASKS has no such alias, or the task ran at once and failed.
    """
    if not has_tasks:
        raise CommandError(
            "backfills --enqueue needs django.tasks, which Django has from 6.0 on, and this Django is older. Run what "
            "is owed by: manage.py backfills --run"
        )
    found: Any = import_module("django.tasks.exceptions")
    try:
        from ..tasks import run_owed

        result = run_owed.using(backend=backend).enqueue(database)
    except (found.InvalidTask, found.InvalidTaskBackend) as error:
        raise CommandError(
            f"backfills --enqueue {backend}: {error} Name an alias of the setting TASKS, or run what is owed by: "
            "manage.py backfills --run"
        ) from None
    if result.errors:
        lines = result.errors[-1].traceback.strip().splitlines()
        raise CommandError(f"Task {result.id} has failed: {printable(lines[-1])}")
    if result.is_finished:
        return list(result.return_value)
    return [f"Task {result.id} is enqueued with the backend {backend!r} of TASKS: it does what is owed."]
