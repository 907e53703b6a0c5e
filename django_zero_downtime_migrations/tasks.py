"""The worker of ``manage.py backfills --run`` as a task of ``django.tasks``, which Django has from 6.0 on.

The setting TASKS is read when this is imported: only ``backfills --enqueue``, and what runs the task, import it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.db import connections

from .backfills.worker import Worker
from .compat import has_tasks
from .errors import MigrationError


def _as_task(function: Callable[[str], list[str]]) -> Any:
    """Return the task of a function; the function itself where Django has none, so that this can be imported there."""
    return import_module("django.tasks").task()(function) if has_tasks else function


@_as_task
def run_owed(database: str) -> list[str]:
    """Do what migrations have left for later, and return what was done, in lines.

    :param database: the alias of the database.
    :raises MigrationError: when something is still owed, since another process is at it, or its migration is not
        complete: enqueue it once more then.
    """
    done: list[str] = []
    connection: Any = connections[database]
    worker = Worker(connection, done.append)
    worker.run()
    if left := worker.elsewhere + worker.unready:
        raise MigrationError("\n".join(left))
    return done
