"""Start a throw-away PostgreSQL on 127.0.0.1 from whatever binaries this machine has, as root or as anybody else.

python -m servers.launch --major 16        prints the URL and serves until Ctrl-C
"""

from __future__ import annotations

import argparse
import atexit
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers.account import Account, choose_account, clean_environment, copy_binaries, forget_libpq_environment
from servers.binaries import NoServer, pg_dump_binary, server_binaries

START_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0

# A crash loses nothing that anybody wants from a throw-away server, and without syncing it is several times faster.
NO_SYNC = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# Reads until its parent is gone, whatever killed it (then the kernel closes the pipe), and cleans up in its place.
WATCHDOG = 'read -r line; kill -INT "$1"; while kill -0 "$1"; do sleep 0.1; done; rm -rf -- "$2"'

# CREATE DATABASE makes some 300 files: 10 to 20 ms in memory, 40 to 300 ms on a busy disk, and every test has its own.
MEMORY = Path("/dev/shm")
MEMORY_WANTED = 1 << 30


@dataclass
class Server:
    """A running server. Stops with its `with` block, with `stop()`, or when the Python process that started it ends."""

    url: str
    major: int
    bindir: Path
    directory: Path = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)
    watchdog: subprocess.Popen[bytes] = field(repr=False)

    @property
    def log(self) -> str:
        """What the server has logged up to now."""
        return (self.directory / "log").read_text(errors="replace")

    def stop(self) -> None:
        """Stop the server and remove its files; a second call does nothing."""
        atexit.unregister(self.stop)
        self.watchdog.kill()
        self.watchdog.communicate()
        # A fast shutdown first, then one without a checkpoint, then none at all.
        for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(signal_number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT)
                break
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def start(
    major: int | None = None,
    *,
    fsync: bool = False,
    in_memory: bool = False,
    max_connections: int = 200,
    options: Mapping[str, str] | None = None,
) -> Server:
    """Start a server of this major version, or of the first binaries found.

    `in_memory` keeps the data in a memory file system where there is a roomy one. `options` become `-c name=value`.
    """
    forget_libpq_environment()
    bindir, major = server_binaries(major)
    account = choose_account()
    reachable = account.can_execute(bindir / "postgres")
    # Memory file systems are often mounted noexec, so a copy of the binaries cannot live there.
    directory = make_directory(f"pg{major}-", account, in_memory=in_memory and reachable)
    try:
        bindir = bindir if reachable else copy_binaries(bindir, account, directory)
        make_cluster(bindir, account, directory)
        settings = {"listen_addresses": "127.0.0.1", "max_connections": str(max_connections), "timezone": "UTC"}
        # The path of a Unix socket may have 107 bytes; temporary folders are sometimes longer. Nobody needs the socket.
        settings |= {"unix_socket_directories": "", **({} if fsync else NO_SYNC), **(options or {})}
        process, port = start_postgres(bindir, account, directory, settings)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    server = Server(url, major, bindir, directory, process, start_watchdog(process, directory))
    atexit.register(server.stop)
    return server


@contextmanager
def server(major: int | None = None, **parameters: Any) -> Iterator[Server]:
    """`with server(16) as running:` — `start()` that stops at the end of the block."""
    with start(major, **parameters) as running:
        yield running


def pg_dump(url: str, *args: str) -> str:
    """The dump of a database without what is only noise in a comparison: comments, blank lines, the restrict keys."""
    command = [str(pg_dump_binary()), "--dbname", url, *args]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment())
    if done.returncode:
        raise RuntimeError(f"pg_dump failed on {url}: {done.stderr.strip()}")
    noise = re.compile(r"\s*$|--|\\(un)?restrict ")
    return "".join(f"{line}\n" for line in done.stdout.splitlines() if not noise.match(line))


def make_directory(prefix: str, account: Account, *, in_memory: bool) -> Path:
    roomy = in_memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_WANTED
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if roomy else None))
    account.give(directory)
    return directory


def make_cluster(bindir: Path, account: Account, directory: Path) -> None:
    # macOS knows C.UTF-8 only since version 15. Sorting must not depend on the locale of the machine.
    locale = "C" if sys.platform == "darwin" else "C.UTF-8"
    arguments = ["--username=postgres", "--auth=trust", "--encoding=UTF8", f"--locale={locale}", "--no-sync"]
    done = account.run(bindir / "initdb", "--pgdata", directory / "data", *arguments)
    if done.returncode:
        raise RuntimeError(f"initdb of {bindir} failed:\n{done.stdout}{done.stderr}")


def start_postgres(
    bindir: Path, account: Account, directory: Path, settings: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Run `postgres` as a child. Another process may take the port before it listens: then once more with a new one."""
    flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
    for attempt in range(5):
        port = free_port()
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [*account.prefix, str(bindir / "postgres"), "-D", str(directory / "data"), "-p", str(port), *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is for the tests, which stop their server themselves
                **account.popen,
            )
        if wait_until_ready(process, directory):
            return process, port
        complaint = (directory / "log").read_text(errors="replace")
        if "could not create any TCP/IP sockets" not in complaint or attempt == 4:
            raise RuntimeError(f"The PostgreSQL in {bindir} did not start:\n{complaint}")
    raise AssertionError("not reached")


def wait_until_ready(process: subprocess.Popen[bytes], directory: Path) -> bool:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            lines = (directory / "data" / "postmaster.pid").read_text().splitlines()
            if len(lines) > 7 and lines[7].strip() == "ready":
                return True
        time.sleep(0.01)
    process.kill()
    process.wait()
    return False


def start_watchdog(process: subprocess.Popen[bytes], directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", WATCHDOG, "watchdog", str(process.pid), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m servers.launch", description="Start a throw-away PostgreSQL.")
    parser.add_argument("--major", type=int, help="major version, for example 16 (default: the first binaries found)")
    parser.add_argument("--fsync", action="store_true", help="write to disk as a production server does")
    parser.add_argument("-c", dest="options", metavar="NAME=VALUE", action="append", default=[], help="server setting")
    arguments = parser.parse_args()
    options = dict(option.split("=", 1) for option in arguments.options)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with start(arguments.major, fsync=arguments.fsync, options=options) as running:
            print(running.url, flush=True)
            with suppress(KeyboardInterrupt):
                running.process.wait()
    except NoServer as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
