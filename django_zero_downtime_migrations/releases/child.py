"""The process that has the code of one release: it reads requests, a JSON object in each line, and so it answers.

It works on a database that was made for it, under every alias of the project.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from ..stated_settings import PER_DATABASE


def main(alias: str, database: str) -> None:
    """Serve the requests of the parent process until it closes the standard input.

    :param alias: the alias of the project's database.
    :param database: the name of the database that is used in its place.
    """
    # What the project prints goes to the standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        _set_up(alias, database)
    except BaseException as error:
        _answer(answers, {"error": _said(error)})
        raise SystemExit(1) from None
    _answer(answers, {})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            _answer(answers, {"answer": _ANSWERS[request["do"]](alias, *request.get("with", []))})
        except BaseException as error:
            _answer(answers, {"error": _said(error)})


def _answer(answers: TextIO, value: object) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _set_up(alias: str, database: str) -> None:
    import django
    from django.conf import settings

    own: dict[str, Any] = {**settings.DATABASES[alias], "NAME": database}
    stated = own.get(PER_DATABASE, {})
    stated = {"PRESET": stated} if isinstance(stated, str) else dict(stated) if isinstance(stated, Mapping) else {}
    # Other code does not use this database: nothing has to be refused, and a standby of it does not exist.
    own[PER_DATABASE] = {**stated, "RAISE_FOR_UNSAFE": False, "REPLICAS": []}
    own["CONN_MAX_AGE"] = 0
    for name in settings.DATABASES:
        settings.DATABASES[name] = own
    django.setup()

    from .probes import mute_signals

    mute_signals()


def _migrate(alias: str, *target: str) -> None:
    """Apply everything, or go to one migration."""
    from django.core.management import call_command

    call_command("migrate", *target, database=alias, verbosity=0, interactive=False, skip_checks=True)


def _take_back(alias: str, app: str, name: str) -> None:
    """Take one migration back.

    :raises Exception: whatever stops it.
    """
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    parents = MigrationExecutor(connections[alias]).loader.graph.node_map[app, name].parents
    before = next((parent.key[1] for parent in sorted(parents) if parent.key[0] == app), "zero")
    _migrate(alias, app, before)


def _pending(alias: str) -> list[tuple[str, str]]:
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [(migration.app_label, migration.name) for migration, _ in plan]


def _fill(alias: str) -> None:
    from .probes import fill

    fill(alias)


def _empty(alias: str) -> None:
    """Take the rows away again."""
    from .probes import empty

    empty(alias)


def _probe(alias: str) -> list[dict[str, str]]:
    from .probes import probe

    # The connection stays: a migration that leaves something for old code asks whether any is connected.
    return [failure._asdict() for failure in probe(alias)]


_ANSWERS: dict[str, Any] = {
    "migrate": _migrate,
    "take_back": _take_back,
    "pending": _pending,
    "fill": _fill,
    "empty": _empty,
    "probe": _probe,
}
