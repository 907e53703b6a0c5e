"""A PgBouncer of one's own in front of the server under test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import connections

from servers import launch
from servers.account import Account, choose_account
from tests.backends.sessions import PATIENCE

BINARY = os.environ.get("PG_BOUNCER", "")


@contextmanager
def bouncer(mode: str, **options: object) -> Iterator[int]:
    """The port of one that pools by `mode`, in front of every database. It refuses root, as PostgreSQL does."""
    server = connections.settings["default"]
    account = choose_account()
    directory = launch.make_directory("pgbouncer-", account, in_memory=False)
    (directory / "users").write_text(f'"{server["USER"]}" "{server["PASSWORD"]}"\n')
    settings = {
        "listen_addr": "127.0.0.1",
        "unix_socket_dir": "",
        "pool_mode": mode,
        "auth_type": "trust",
        "auth_file": directory / "users",
        **options,
    }
    ini = f"[databases]\n* = host={server['HOST']} port={server['PORT']}\n[pgbouncer]\n" + "".join(
        f"{name} = {value}\n" for name, value in settings.items()
    )
    try:
        process, port = start(directory, account, ini)
        try:
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE)
    finally:
        shutil.rmtree(directory)


def start(directory: Path, account: Account, ini: str) -> tuple[subprocess.Popen[bytes], int]:
    """Run it. Another process may take the port before it listens: then once more with a new one."""
    for _ in range(5):
        port = launch.free_port()
        (directory / "ini").write_text(f"{ini}listen_port = {port}\n")
        account.give(directory)
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [*account.prefix, BINARY, str(directory / "ini")], stdout=log, stderr=log, cwd="/", **account.popen
            )
        if listens(process, port):
            return process, port
        process.kill()
        process.wait(PATIENCE)
    raise AssertionError(f"PgBouncer does not listen:\n{(directory / 'log').read_text()}")


def listens(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        time.sleep(0.01)
    return False
