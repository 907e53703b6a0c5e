"""One run of `stall.py`: a copy of the database, clients on it, a migration at a given moment, and what they saw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from . import stall_project
from .fresh import ROOT
from .fresh import Contestant as Side
from .stall_figures import NOTHING, Run, seen

ONE_RUN = (Path(__file__).parent / "stall_run.py").read_text()
PREFIX = "ZERO_DOWNTIME_MIGRATIONS_"
SETTLE = 0.3
INTO_REPORT = 0.5
AFTERWARDS = 0.3
NOTHING_SECONDS = 2.0
LIMIT = 120.0


@dataclass(frozen=True)
class Contestant:
    """A contestant.

    :param settings: without their common prefix.
    :param again: seconds for which a run that gave up is repeated.
    """

    name: str
    side: Side
    settings: Mapping[str, str | bool]
    again: float

    def start(self, folder: Path, database: Mapping[str, Any], operation: str, log: Any) -> subprocess.Popen[str]:
        """A process that waits for a line on its standard input, and then migrates."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO"))}
        environment |= {"PYTHONPATH": str(self.side.path)} if self.side.path else {}
        apps = [stall_project.APP, *(["django_zero_downtime_migrations"] if self.name == "ours" else [])]
        environment |= {
            "DJANGO_SETTINGS_MODULE": "project_settings",
            "DATABASE": json.dumps({"ENGINE": self.side.engine, **database}),
            "OPERATION": operation,
            "APPS": json.dumps(apps),
            "SETTINGS": json.dumps({f"{PREFIX}{name}": value for name, value in self.settings.items()}),
            "AGAIN": str(self.again),
        }
        return start([str(self.side.python), "-W", "ignore", "-c", ONE_RUN], folder, log, environment)


@dataclass(frozen=True)
class Traffic:
    """The pace of the clients, in seconds."""

    rows: int
    clients: int
    think: float
    report_seconds: float

    @property
    def report_every(self) -> float:
        return self.report_seconds * 8 / 5


@dataclass
class Ground:
    """The server and the project on which every run takes place.

    :param url: of any database of the server.
    :param folder: where the project is.
    """

    url: str
    folder: Path
    traffic: Traffic

    def prepare(self, stock: Contestant) -> None:
        """Make the database that each run gets a copy of."""
        began = time.monotonic()
        with psycopg.connect(self.url, autocommit=True) as session:
            session.execute("CREATE DATABASE stall_start")
        with (
            tempfile.TemporaryFile("w+") as log,
            started(stock.start(self.folder, self.of("start"), "start", log)) as it,
        ):
            failure = migrate(it, log)["failure"]
        if failure:
            raise RuntimeError(f"The first migration failed: {failure}")
        with psycopg.connect(self.url_of("start"), autocommit=True) as session:
            for statement in stall_project.fill(self.traffic.rows):
                session.execute(statement)
        print(f"filled the tables in {time.monotonic() - began:.0f} s", flush=True)

    def run(self, number: int, report: bool, operation: str, contestant: Contestant | None) -> Run:
        """Make one run of a contestant, or of none."""
        scene = next((one.scene for one in stall_project.CHANGES if one.name == operation), "shop")
        with ExitStack() as stack:
            log = stack.enter_context(tempfile.TemporaryFile("w+"))
            clients = stack.enter_context(started(start([sys.executable, "-m", "benchmarks.stall_clients"], ROOT, log)))
            it = None
            if contestant:
                it = stack.enter_context(started(contestant.start(self.folder, self.of("run"), operation, log)))
                expect(it, "ready", log)
            stack.enter_context(self.copy())
            tell(clients, json.dumps(self.client_parameters(scene, report)))
            expect(clients, "ready", log)
            time.sleep(SETTLE)
            report_ends = self.begin_report(clients, log) if report else 0.0
            done = migrate(it, log) if it else do_nothing()
            time.sleep(AFTERWARDS)
            tell(clients, "stop")
            queries = json.loads(line(clients, log))
        return Run(
            number,
            report,
            operation,
            contestant.name if contestant else NOTHING,
            done["failure"] or "applied",
            done["attempts"],
            done["ended"] - done["began"],
            max(report_ends - done["began"], 0.0),
            **seen(queries, done["began"], done["ended"]),
        )

    def begin_report(self, clients: subprocess.Popen[str], log: Any) -> float:
        """Returns when it has been running for a moment. :returns: when it will end."""
        tell(clients, "report")
        began, ends = json.loads(line(clients, log))
        time.sleep(max(began + INTO_REPORT - time.monotonic(), 0))
        return float(ends)

    def client_parameters(self, scene: str, report: bool) -> dict[str, Any]:
        found = asdict(self.traffic) | {"url": self.url_of("run"), "scene": scene}
        found["report_seconds"] = self.traffic.report_seconds if report else 0.0
        found["report_every"] = self.traffic.report_every
        return found

    def of(self, name: str) -> dict[str, Any]:
        url = urlsplit(self.url)
        return {"NAME": f"stall_{name}", "USER": "postgres", "HOST": url.hostname, "PORT": url.port}

    def url_of(self, name: str) -> str:
        return f"{self.url.rpartition('/')[0]}/stall_{name}"

    @contextmanager
    def copy(self) -> Iterator[None]:
        with psycopg.connect(self.url, autocommit=True) as session:
            # Block by block through the WAL, which is the default, takes several times as long.
            strategy = "STRATEGY FILE_COPY" if session.info.server_version >= 150000 else ""
            session.execute(f"CREATE DATABASE stall_run TEMPLATE stall_start {strategy}")
            try:
                yield
            finally:
                session.execute("DROP DATABASE stall_run WITH (FORCE)")


def start(
    command: list[str], folder: Path, log: Any, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    # Ctrl-C in the terminal is for the benchmark, which stops its processes itself.
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )


@contextmanager
def started(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def tell(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{text}\n")
    process.stdin.flush()


def line(process: subprocess.Popen[str], log: Any) -> str:
    """The next line that it prints. :raises RuntimeError: when it ends instead, with what it has complained about."""
    assert process.stdout is not None
    found = process.stdout.readline()
    if not found:
        log.seek(0)
        raise RuntimeError(f"{process.args!r} ended:\n{log.read()}")
    return found.rstrip("\n")


def expect(process: subprocess.Popen[str], text: str, log: Any) -> None:
    found = line(process, log)
    if found != text:
        raise RuntimeError(f"expected {text!r}, got {found!r}")


def migrate(it: subprocess.Popen[str], log: Any) -> dict[str, Any]:
    began = time.monotonic()
    try:
        printed, _ = it.communicate("go\n", timeout=LIMIT)
    except subprocess.TimeoutExpired:
        failure = f"not finished after {LIMIT:.0f} s"
        return {"began": began, "ended": time.monotonic(), "attempts": 1, "failure": failure}
    if it.returncode:
        log.seek(0)
        raise RuntimeError(f"a migration's process failed:\n{log.read()}")
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def do_nothing() -> dict[str, Any]:
    began = time.monotonic()
    time.sleep(NOTHING_SECONDS)
    return {"began": began, "ended": time.monotonic(), "attempts": 1, "failure": ""}
