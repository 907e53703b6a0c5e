"""Another process that has its turn as a transaction beside its connection, until it ends or is told to go on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.execution.one_migrate import lease

PROCESS = """
import json, sys
import django
from django.conf import settings
settings.configure(DATABASES={"default": json.loads(sys.argv[1])})
django.setup()
from django.db import connections; connection = connections["default"]
from django_zero_downtime_migrations.execution.one_migrate import lease
from django_zero_downtime_migrations.execution.one_migrate.advisory import find_place
lease.SECONDS = float(sys.argv[2])
turn = lease.LeaseTurn(connection, find_place(connection))
turn.wait(0)
print("taken", flush=True)
sys.stdin.readline()
try:
    turn.renew()
except Exception as error:
    print(error, flush=True)
else:
    print("kept", flush=True)
"""
WANTED = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")


@contextmanager
def process(connection: BaseDatabaseWrapper, seconds: float = lease.SECONDS) -> Iterator[subprocess.Popen[str]]:
    """The process, once it has its turn. It says whether it still has it when it is sent a line."""
    parameters = json.dumps({name: connection.settings_dict[name] for name in WANTED})
    command = [sys.executable, "-c", PROCESS, parameters, str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "taken\n"
            yield other
        finally:
            other.kill()
