"""A hot standby of a throw-away server, that follows it by streaming replication."""

from __future__ import annotations

import atexit
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from servers.account import choose_account
from servers.launch import NO_SYNC, Server, make_directory, start_postgres, start_watchdog

#: Files of the running server, which a copy must not have.
NOT_COPIED = ("postmaster.pid", "postmaster.opts", "pg_replslot", "pg_stat_tmp", "pgsql_tmp*")


@contextmanager
def standby(primary: Server, session: Any, *, max_connections: int = 200) -> Iterator[Server]:
    """A standby of this server while the block runs.

    :param session: a connection of the driver to the primary, as superuser and in autocommit mode. No ``pg_basebackup``
        is needed, which not all packages of binaries have.
    """
    account = choose_account()
    directory = make_directory(f"pg{primary.major}-standby-", account, in_memory=False)
    try:
        _copy(primary, session, directory / "data")
        data = directory / "data"
        (data / "pg_replslot").mkdir(exist_ok=True)
        (data / "pg_stat_tmp").mkdir(exist_ok=True)
        (data / "standby.signal").touch()
        data.chmod(0o700)
        account.give(directory)
        port = re.search(r":(\d+)/", primary.url)
        assert port is not None
        settings = {
            **NO_SYNC,
            "listen_addresses": "127.0.0.1",
            "max_connections": str(max_connections),
            "unix_socket_directories": "",
            "primary_conninfo": f"host=127.0.0.1 port={port[1]} user=postgres application_name=standby",
            "max_standby_streaming_delay": "-1",
            "wal_receiver_status_interval": "1s",
        }
        process, own_port = start_postgres(primary.bindir, account, directory, settings)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    url = f"postgresql://postgres@127.0.0.1:{own_port}/postgres"
    server = Server(url, primary.major, primary.bindir, directory, process, start_watchdog(process, directory))
    atexit.register(server.stop)
    with server:
        yield server


def _copy(primary: Server, session: Any, target: Path) -> None:
    start, stop = "pg_backup_start('standby', true)", "pg_backup_stop(false)"
    if primary.major < 15:
        start, stop = "pg_start_backup('standby', true, false)", "pg_stop_backup(false, false)"
    with session.cursor() as cursor:
        cursor.execute(f"SELECT {start}")
        shutil.copytree(primary.directory / "data", target, ignore=shutil.ignore_patterns(*NOT_COPIED))
        cursor.execute(f"SELECT labelfile FROM {stop}")
        (target / "backup_label").write_text(cursor.fetchone()[0])
