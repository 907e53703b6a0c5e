"""The set of all clients: start them, collect what they saw, stop them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

READERS = 2
WRITERS = 2
REPORT_SECONDS = 2.0
CATCH_UP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Query:
    """One query or transaction of a client, timed by that client."""

    started: float
    seconds: float
    outcome: str

    @property
    def failed(self) -> bool:
        return self.outcome != "ok"


@dataclass
class Client:
    """One client process and what it has reported."""

    kind: str
    process: subprocess.Popen[str]
    queries: list[Query] = field(default_factory=list)

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            started, seconds, outcome = line.rstrip("\n").split(" ", 2)
            self.queries.append(Query(float(started), float(seconds), outcome))

    def saw(self, moment: float) -> bool:
        """Has it reported a query that it began after this moment, or can it not report any more?"""
        return self.process.poll() is not None or bool(self.queries and self.queries[-1].started > moment)


class Traffic:
    """Readers, writers and a report on one database; a `with` block is the time that they run."""

    def __init__(self, url: str, rows: int) -> None:
        environment = {**os.environ, "DATABASE_URL": url}
        kinds = ["reader"] * READERS + ["writer"] * WRITERS + ["report"]
        self.clients = []
        for seed, kind in enumerate(kinds):
            command = [sys.executable, "-m", "example.demo.client", kind, str(rows), str(seed), str(REPORT_SECONDS)]
            # Ctrl-C in the terminal is for the demo, which stops its clients itself.
            process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            self.clients.append(Client(kind, process))
        for client in self.clients:
            threading.Thread(target=client.listen, daemon=True).start()

    def __enter__(self) -> Traffic:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for client in self.clients:
            client.process.kill()
        for client in self.clients:
            client.process.wait()

    def wait_until_all_saw(self, moment: float) -> None:
        """A query that is stalled is reported when it is over: wait for it, the report excepted."""
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while time.monotonic() < deadline and not all(client.saw(moment) for client in self.shoppers):
            time.sleep(0.01)

    @property
    def shoppers(self) -> list[Client]:
        return [client for client in self.clients if client.kind != "report"]

    def between(self, begin: float, end: float) -> Seen:
        """Return what clients saw of the queries that they began in this time."""
        shopping = [q for client in self.shoppers for q in list(client.queries) if begin <= q.started <= end]
        reports = [q for c in self.clients if c.kind == "report" for q in list(c.queries) if begin <= q.started <= end]
        return Seen(shopping, [q.outcome for q in shopping + reports if q.failed])


@dataclass(frozen=True)
class Seen:
    """The clients' view of some time: their queries, and the outcome of those that failed, reports included."""

    queries: list[Query]
    errors: list[str]

    @property
    def stall(self) -> float:
        return max((query.seconds for query in self.queries), default=0.0)

    def slower_than(self, seconds: float) -> int:
        return sum(query.seconds > seconds for query in self.queries)

    def stood_still(self, seconds: float) -> float:
        """Return what the clients spent, all together, in queries that took longer than this."""
        return sum(query.seconds for query in self.queries if query.seconds > seconds)
