"""A process with a Django project, which forks itself for each run of ``migrate``: it saves the time to begin.

python -m tests.faults.server: a JSON object per line in, see :meth:`.project.Faults.migrate`, and out.
"""

from __future__ import annotations

import base64
import gc
import io
import json
import os
import pickle
import sys
import tempfile
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import django
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import Error, connections
from django.db.migrations.loader import MigrationLoader

from django_zero_downtime_migrations.errors import notes
from django_zero_downtime_migrations.management.commands import backfills, contract
from tests.faults.fault import Fault

#: The password of the roles that tests make.
PASSWORD = "tests"
#: Forbidden remains of a run in its session: timeouts, the turn, an open transaction.
_LEFT = """
SELECT format('%s = %s', name, setting) FROM pg_settings WHERE setting <> reset_val AND name ~ 'timeout'
UNION ALL SELECT format('%s lock', locktype) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'
UNION ALL SELECT 'transaction' WHERE pg_current_xact_id_if_assigned() IS NOT NULL
"""


def main() -> None:
    django.setup()
    # All imports of a run are done once.
    from django.core.management.commands import migrate  # noqa: F401

    import django_zero_downtime_migrations.execution.already_there.compare
    import django_zero_downtime_migrations.execution.already_there.unfinished_step
    import django_zero_downtime_migrations.migrate_run.start
    import django_zero_downtime_migrations.rewrites
    import django_zero_downtime_migrations.rules  # noqa: F401

    MigrationLoader(None)
    # The pages of all this are shared with the processes that are forked, unless the collector writes to them.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), flush=True)


def _run(wanted: dict[str, Any]) -> dict[str, Any]:
    if wanted["scenario"]:
        # Imported here, for all runs: there are hundreds.
        import tests.faults.scenarios  # noqa: F401
    with tempfile.NamedTemporaryFile("r+") as said:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = _migrate(wanted, said.name)
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        return {"status": os.waitstatus_to_exitcode(status), **json.loads(said.read() or "{}")}


def _migrate(wanted: dict[str, Any], said: str) -> int:
    fault = Fault(**wanted["fault"])
    connection = _connection(wanted)
    beside = _somebody_else(wanted)
    connection.fault = fault
    output = io.StringIO()
    status = 0
    left: list[str] = []
    refused = ""
    with redirect_stdout(output), redirect_stderr(output):
        try:
            if wanted["scenario"] or wanted["pickled"]:
                _offer(_scenario(wanted))
            _call(wanted["arguments"])
        except BaseException as error:
            traceback.print_exc()
            status = 1
            refused = _without_traceback(error)
        connection.fault = None
        left = _left(connection)
    connections.close_all()
    if beside is not None:
        beside.close()
    with open(said, "w") as file:
        values = {"said": output.getvalue(), "sent": fault.sent, "happened": fault.happened, "left": left}
        json.dump({**values, "refused": refused}, file)
    return status


def _somebody_else(wanted: dict[str, Any]) -> Any:
    """Open a session: removed objects stay only for code that may be there."""
    if not wanted["settings"].get("EXPAND_CONTRACT"):
        return None
    made: Any = connections.create_connection("default")
    made.ensure_connection()
    return made


def _call(arguments: list[str]) -> None:
    """Run ``migrate``, or ``contract`` if it is told ``--now``, or ``backfills`` if it is told to ``--run``, until the
    server has noticed the end of a killed one.
    """
    if "--now" in arguments:
        call_command(contract.Command(), *arguments)
        return
    if "--run" not in arguments:
        call_command("migrate", *arguments, verbosity=1)
        return
    while True:
        try:
            call_command(backfills.Command(), *arguments)
            return
        except CommandError as error:
            if error.returncode != backfills.SOMEBODY_ELSE:
                raise
            time.sleep(0.05)


def _without_traceback(error: BaseException) -> str:
    return "\n".join([str(error), *notes(error)]) if isinstance(error, CommandError) else ""


def _connection(wanted: dict[str, Any]) -> Any:
    for parameters in (settings.DATABASES["default"], connections.settings["default"]):
        parameters["NAME"], parameters["ENGINE"] = wanted["database"], wanted["engine"]
        if wanted["user"]:
            parameters["USER"], parameters["PASSWORD"] = wanted["user"], PASSWORD
        parameters["ZERO_DOWNTIME_MIGRATIONS"] = parameters["ZERO_DOWNTIME_MIGRATIONS"] | wanted["settings"]
        parameters["OPTIONS"] = parameters.get("OPTIONS", {}) | wanted["options"]
    return connections["default"]


def _scenario(wanted: dict[str, Any]) -> Any:
    if wanted["pickled"]:
        return pickle.loads(base64.b64decode(wanted["pickled"]))
    from tests.faults.scenarios import SCENARIOS

    return SCENARIOS[wanted["scenario"]]


def _offer(scenario: Any) -> None:
    """Offer the migrations of a scenario, as if they stood in files."""

    def load_disk(loader: MigrationLoader) -> None:
        made = scenario.migrations()
        loader.disk_migrations = {(migration.app_label, migration.name): migration for migration in made}
        loader.migrated_apps, loader.unmigrated_apps = {"app", "other"}, set()

    MigrationLoader.load_disk = load_disk  # type: ignore[assignment,method-assign]


def _left(connection: Any) -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_LEFT)
            return [text for (text,) in cursor.fetchall()]
    except Error:
        # The session is gone.
        return []


if __name__ == "__main__":
    main()
