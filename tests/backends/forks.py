"""Commands of Django's in processes that need not begin from nothing: half a second of CPU time, for each of hundreds.

:class:`Forked` is the side of the tests. ``python -m tests.backends.forks NUMBER`` is the process, one for each worker,
that has imported Django and forks itself for each command: it has imported what a command imports, except modules that
read settings. A command still has its own process, with the arguments, the environment, the folder, the streams, the
signals and the exit status that it would have.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Variables that Python itself reads when it begins, except the ones that the two sides agree on.
AGREED = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
#: The rooms of the package that a command uses and that read no settings when they are imported.
ROOMS = (
    *("backfills", "catalog", "ddl", "execution", "migrate_run", "operations"),
    *("planning", "rewrites", "rules", "type_changes"),
)


class Forked(subprocess.Popen):  # type: ignore[type-arg]
    """``Popen([sys.executable, "-X", "faulthandler", "-m", "django", *arguments])``, but forked.

    :param args: the arguments.
    :param cwd, env: have to be given; of the other options only the streams and ``text`` may be.
    """

    def _execute_child(self, args: Any, *options: Any) -> None:
        cwd, env = options[4:6]
        pipes = options[9:15]  # each stream's two ends, the child's second for its input
        ends = [end if end != -1 else stream for stream, end in enumerate((pipes[0], pipes[3], pipes[5]))]
        self._answers, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(_forking(), [b"!"], [*ends, theirs.fileno()])
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
        self._child_created = True
        wanted = {"arguments": list(args), "folder": str(cwd), "environment": dict(env)}
        self._answers.sendall(json.dumps(wanted).encode() + b"\n")
        self.pid = int(self._answer())

    def _answer(self) -> str:
        line = b""
        while not line.endswith(b"\n"):
            if not (read := self._answers.recv(1)):
                raise RuntimeError("the process that forks is gone")
            line += read
        return line.decode()

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._ended(timeout)
        if status is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return status

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        return self._ended(0)

    def _ended(self, timeout: float | None) -> int | None:
        """Return the exit status, negative for a signal, once the process has ended.

        :param timeout: how long to wait, in seconds.
        """
        if self.returncode is None and select.select([self._answers], [], [], timeout and max(timeout, 0))[0]:
            self.returncode = int(self._answer())
            self._answers.close()
        return self.returncode


@functools.cache
def _forking() -> socket.socket:
    """Return the connection to the process that forks, which this starts, and which ends with this one."""
    ours, theirs = socket.socketpair()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | AGREED
    command = [sys.executable, "-X", "faulthandler", "-m", __name__, str(theirs.fileno())]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()])
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def main() -> None:
    """Return in the processes that have been forked, when their command has."""
    # Ctrl-C in the terminal is for the tests and for the commands.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import()
    # The pages of all this are shared with the processes that are forked, unless the collector writes to them.
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    _become(*_fork_for_each(requests))
    runpy.run_module("django", run_name="__main__", alter_sys=True)


def _import() -> None:
    import django.contrib.postgres.fields
    import django.core.management.commands.check
    import django.core.management.commands.makemigrations
    import django.core.management.commands.migrate
    import django.core.management.commands.sqlmigrate
    import django.db.backends.postgresql.base
    import django.views.debug  # noqa: F401

    # Not backends.postgres.base, which looks into the settings when it is imported, nor schema: on a new database there
    # is another editor until that is imported.
    import django_zero_downtime_migrations.backends.postgres.ending
    import django_zero_downtime_migrations.backends.postgres.on_new_database
    import django_zero_downtime_migrations.backends.postgres.own_execute
    import django_zero_downtime_migrations.backends.postgres.recording  # noqa: F401

    for room in ROOMS:
        package = importlib.import_module(f"django_zero_downtime_migrations.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def _fork_for_each(requests: socket.socket) -> tuple[list[str], str, dict[str, str]]:
    """Return, in each process that has been forked, its arguments, folder and environment."""
    running: dict[int, socket.socket] = {}

    def reap(*_: object) -> None:
        for process in list(running):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                with running.pop(process) as answers:
                    _tell(answers, os.waitstatus_to_exitcode(status))

    signal.signal(signal.SIGCHLD, reap)
    while True:
        _, descriptors, *_ = socket.recv_fds(requests, 1, 4)
        if not descriptors:
            sys.exit()
        # A process does not end before its id is known.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        answers = socket.socket(fileno=descriptors.pop())
        process = os.fork()
        if process == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (requests, *running.values()):
                other.close()
            _take_streams(descriptors)
            wanted = _read(answers)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            return wanted
        running[process] = answers
        for descriptor in descriptors:
            os.close(descriptor)
        _tell(answers, process)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _tell(answers: socket.socket, number: int) -> None:
    with suppress(OSError):  # the caller does not wait for it any more
        answers.sendall(f"{number}\n".encode())


def _take_streams(descriptors: list[int]) -> None:
    for stream, descriptor in enumerate(descriptors):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    # Python checks at its start whether they are a terminal.
    streams: Any = sys
    streams.stdin = streams.__stdin__ = os.fdopen(0, closefd=False, encoding=sys.stdin.encoding)
    streams.stdout = streams.__stdout__ = os.fdopen(1, "w", closefd=False, encoding=sys.stdout.encoding)
    streams.stderr = streams.__stderr__ = os.fdopen(
        2, "w", 1, closefd=False, encoding="utf-8", errors="backslashreplace"
    )


def _read(answers: socket.socket) -> tuple[list[str], str, dict[str, str]]:
    with answers, answers.makefile() as lines:
        wanted = json.loads(lines.readline())
    return wanted["arguments"], wanted["folder"], wanted["environment"]


def _become(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # This process has begun in ROOT, with ROOT in its PYTHONPATH.
    first = dict.fromkeys([folder, *environment["PYTHONPATH"].split(os.pathsep)])
    sys.path[:] = [*first, *(path for path in sys.path if path not in first)]
    sys.argv[1:] = arguments


if __name__ == "__main__":
    main()
