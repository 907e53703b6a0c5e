"""The measured process: one ``migrate``, on a database of its own.

``fresh.py`` hands this text to the interpreter of an environment that knows nothing of this project. It prints JSON.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

queries = 0


def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    global queries
    queries += 1
    return execute(sql, params, many, context)


def server_cpu(pid: int) -> float:
    """Seconds on a processor; `stat` counts in hundredths, which is coarse for a migrate of a third of a second."""
    precise = Path(f"/proc/{pid}/schedstat")
    if precise.exists():
        return int(precise.read_text().split()[0]) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


connection.ensure_connection()
pid = connection.connection.info.backend_pid
server, client, wall = server_cpu(pid), time.process_time(), time.perf_counter()
with connection.execute_wrapper(count):
    call_command("migrate", verbosity=0)
wall, client, server = time.perf_counter() - wall, time.process_time() - client, server_cpu(pid) - server
print(json.dumps({"wall": wall, "client_cpu": client, "server_cpu": server, "queries": queries}))
