"""A PgBouncer of one's own in front of the server under test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import connections

from servers import launch
from servers.account import choose_account
from tests.backends.sessions import PATIENCE

BINARY = os.environ.get("PG_BOUNCER", "")


@contextmanager
def bouncer(mode: str, **options: object) -> Iterator[int]:
    """The port of one that pools by `mode`, in front of every database. It refuses root, as PostgreSQL does."""
    server = connections.settings["default"]
    account = choose_account()
    directory = launch.make_directory("pgbouncer-", account, in_memory=False)
    port = launch.free_port()
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "pool_mode": mode,
        "auth_type": "trust",
        "auth_file": directory / "users",
        **options,
    }
    (directory / "users").write_text(f'"{server["USER"]}" "{server["PASSWORD"]}"\n')
    (directory / "ini").write_text(
        f"[databases]\n* = host={server['HOST']} port={server['PORT']}\n[pgbouncer]\n"
        + "".join(f"{name} = {value}\n" for name, value in settings.items())
    )
    account.give(directory)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [*account.prefix, BINARY, str(directory / "ini")], stdout=log, stderr=log, cwd="/", **account.popen
        )
    try:
        wait_until_it_listens(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(directory)


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise AssertionError(f"PgBouncer does not listen (exit code {process.poll()})")
