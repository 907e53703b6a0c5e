"""The process that `stall.py` starts at a given moment: one ``migrate``, repeated until it succeeds if AGAIN is not 0.

`stall.py` hands this text to the interpreter of an environment that knows nothing of this project. It says "ready" when
Django is, waits for a line, and prints JSON. Its clock is the machine's monotonic one, which the clients use too.
"""

import json
import os
import sys
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.core.management.commands import migrate  # noqa: E402, F401
from django.db import connection  # noqa: E402

LOCK_NOT_AVAILABLE, QUERY_CANCELED, DEADLOCK_DETECTED = "55P03", "57014", "40P01"
PAUSE = 0.1
again = float(os.environ["AGAIN"])


def code(error: BaseException | None) -> str:
    """The SQLSTATE of what PostgreSQL said; psycopg 3 and 2 name it differently."""
    while error is not None:
        found = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if found:
            return str(found)
        error = error.__cause__ or error.__context__
    return ""


print("ready", flush=True)
sys.stdin.readline()
began = time.monotonic()
attempts, failure, state = 0, "", ""
while True:
    attempts += 1
    try:
        call_command("migrate", "shop", verbosity=0, interactive=False)
        failure = state = ""
        break
    except Exception as error:
        failure, state = f"{type(error).__name__}: {error}".splitlines()[0], code(error)
    connection.close()
    waited_in_vain = state in (LOCK_NOT_AVAILABLE, QUERY_CANCELED, DEADLOCK_DETECTED)
    if not waited_in_vain or time.monotonic() - began + PAUSE > again:
        break
    time.sleep(PAUSE)
ended = time.monotonic()
print(json.dumps({"began": began, "ended": ended, "attempts": attempts, "failure": failure, "state": state}))
