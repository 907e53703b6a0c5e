"""The locks and the work of a command or of a step, in the server's words."""

from __future__ import annotations

from typing import Any

from django_zero_downtime_migrations.ddl.statement import Statement
from django_zero_downtime_migrations.locks import LockMode
from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.operations.observer import Observation

LOCKS = """
SELECT l.mode FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.granted AND l.relation = %s::regclass
"""
SCANS = "SELECT pg_stat_get_xact_numscans(%s::regclass)"


def strongest(session: Any, table: str) -> LockMode | None:
    """Return the strongest lock that the session's transaction has on a table."""
    modes = [LockMode(mode) for (mode,) in run(session, LOCKS, table)]
    return max(modes, key=lambda mode: mode.strength, default=None)


def scans(session: Any, table: str, sql: str) -> int:
    """Run it, and return how often it reads the table from its beginning to its end."""
    [(before,)] = run(session, SCANS, table)
    run(session, sql)
    [(after,)] = run(session, SCANS, table)
    return int(after - before)


def held(observation: Observation) -> list[dict[str, LockMode]]:
    """Return the locks of each step that the server has seen, on tables that were there before it.

    ACCESS SHARE is left out: a SELECT takes it.
    """
    return [
        {name: mode for name, mode in seen.held().items() if mode is not LockMode.ACCESS_SHARE}
        for seen in observation.steps
        if seen.commands
    ]


def blocking_work(observation: Observation) -> list[str]:
    """Return what was read, rewritten or built by steps that block traffic."""
    return [
        work for seen in observation.steps if seen.blocks(observation.in_use) for work in seen.work(observation.in_use)
    ]


def record(shop: Shop, model: str, *statements: Statement) -> None:
    """Have an editor plan and send statements that it has from code of ours, as in one call for this model."""
    editor: Any
    with shop.connection.schema_editor() as editor, editor._planning("test", shop.model(model)):
        for statement in statements:
            editor._record(statement)
