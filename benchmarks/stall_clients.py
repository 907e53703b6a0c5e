"""The clients of `stall.py`, threads of one process: readers, writers and a report, each on a connection of its own.

It reads a line of JSON, says "ready", begins the report at the line "report" and answers with its times, and at the
line "stop" prints every query as [start, seconds, error]. Threads that wait for the server do not hold each other up,
and one process leaves more of a small machine to the server than a process for each client.
"""

from __future__ import annotations

import gc
import itertools
import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from benchmarks.stall_schema import EVENTS, PARTITIONS, VOUCHERS, customers, partition

WARM_UP = 20
#: Between the statements of a transaction an application works too, if less than between its transactions.
WORK = 5
STOP_SECONDS = 15.0

Transaction = list[tuple[str, tuple[Any, ...]]]


@dataclass
class Orders:
    """Lookups and short transactions on orders and customers, some with the one first and some with the other.

    :param rows: how many orders there are.
    """

    rows: int
    dice: random.Random
    number: str

    def order(self) -> int:
        return self.dice.randint(1, self.rows)

    def customer(self) -> int:
        return self.dice.randint(1, customers(self.rows))

    def reads(self) -> Iterator[Transaction]:
        join = """SELECT o.number, o.quantity, o.total, c.name FROM shop_order o
                  JOIN shop_customer c ON c.id = o.customer_id WHERE o.id = %s"""
        while True:
            yield [(join, (self.order(),))]
            yield [("SELECT name, points FROM shop_customer WHERE id = %s", (self.customer(),))]

    def writes(self) -> Iterator[Transaction]:
        insert = """INSERT INTO shop_order (number, customer_id, voucher_id, status, channel, quantity, total, placed)
                    VALUES (%s, %s, %s, 'open', 'shop', 1, 10, now())"""
        update = "UPDATE shop_order SET status = 'sent' WHERE id = %s"
        points = "UPDATE shop_customer SET points = points + 1 WHERE id = %s"
        for count in itertools.count():
            customer, voucher = self.customer(), self.dice.randint(1, VOUCHERS)
            placed = (insert, (f"{self.number}-{count}", customer, voucher))
            yield [(update, (self.order(),)), placed, (points, (customer,))]
            yield [(points, (customer,)), (update, (self.order(),))]


@dataclass
class Events:
    """Lookups and updates through the partitioned table; each reaches one partition."""

    rows: int
    dice: random.Random
    number: str

    def reads(self) -> Iterator[Transaction]:
        while True:
            yield [("SELECT seen FROM shop_event WHERE id = %s", (self.dice.randint(1, EVENTS),))]

    def writes(self) -> Iterator[Transaction]:
        while True:
            yield [("UPDATE shop_event SET seen = seen + 1 WHERE id = %s", (self.dice.randint(1, EVENTS),))]


READ_ORDERS = "SELECT sum(o.total) FROM shop_order o JOIN shop_customer c ON c.id = o.customer_id WHERE o.id <= 20000"


@dataclass
class Report:
    """A transaction that reads, and stays open in a query as long as that would take on a slower disk."""

    sql: str
    seconds: float


def reports(scene: str, seconds: float) -> list[Report]:
    """One on both tables; or one on each partition, which begin together and end one after the other."""
    if scene == "shop":
        return [Report(READ_ORDERS, seconds)]
    parts = range(PARTITIONS)
    return [Report(f"SELECT sum(seen) FROM {partition(n)}", seconds * (n + 1) / PARTITIONS) for n in parts]


@dataclass
class Clients:
    """The set of all client threads."""

    url: str
    scene: str
    rows: int
    clients: int
    think: float
    report_seconds: float
    report_every: float
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)
    queries: list[tuple[float, float, str]] = field(default_factory=list)
    reporting: list[psycopg.Connection[Any]] = field(default_factory=list)

    def connect(self) -> psycopg.Connection[Any]:
        # As Django does it: a prepared statement would fail when a column's type changes.
        return psycopg.connect(self.url, autocommit=True, prepare_threshold=None)

    def begin(self) -> None:
        warm = threading.Barrier(self.clients + 1)
        for number in range(self.clients):
            self.begin_thread(self.work, number, warm)
        if self.report_seconds:
            self.reporting = [self.connect() for _ in reports(self.scene, self.report_seconds)]
        warm.wait()

    def begin_thread(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def work(self, number: int, warm: threading.Barrier) -> None:
        scene = (Orders if self.scene == "shop" else Events)(self.rows, random.Random(number), f"W{number}")
        transactions = scene.writes() if number % 2 else scene.reads()
        dice = random.Random(-number)
        with self.connect() as connection:
            for transaction in itertools.islice(transactions, WARM_UP):
                self.run(connection, transaction)
            warm.wait()
            for transaction in transactions:
                if self.stopping.wait(dice.uniform(0.5, 1.5) * self.think):
                    return
                self.run(connection, transaction)

    def run(self, connection: psycopg.Connection[Any], transaction: Transaction) -> None:
        alone = len(transaction) == 1
        statements = transaction if alone else [("BEGIN", ()), *transaction, ("COMMIT", ())]
        for number, (sql, parameters) in enumerate(statements):
            if number > 1:
                time.sleep(self.think / WORK)
            started = time.monotonic()
            error = execute(connection, sql, parameters)
            self.queries.append((started, time.monotonic() - started, error))
            if error:
                connection.rollback()
                return

    def report(self) -> tuple[float, float]:
        """Begin to report. :returns: when it began, and when its last transaction will end."""
        began = time.monotonic()
        planned = reports(self.scene, self.report_seconds)
        holding = threading.Barrier(len(planned) + 1)
        for connection, one in zip(self.reporting, planned, strict=True):
            self.begin_thread(self.report_again, connection, one, began, holding)
        holding.wait()
        return began, began + self.report_seconds

    def report_again(
        self, connection: psycopg.Connection[Any], one: Report, first: float, holding: threading.Barrier
    ) -> None:
        for count in itertools.count():
            if self.stopping.wait(max(first + count * self.report_every - time.monotonic(), 0)):
                return
            began = time.monotonic()
            error = execute(connection, "BEGIN") or execute(connection, one.sql)
            if not count:
                holding.wait()
            rest = max(began + one.seconds - time.monotonic(), 0)
            error = error or execute(connection, "SELECT pg_sleep(%s)", (rest,)) or execute(connection, "COMMIT")
            if error and not self.stopping.is_set():
                # Its duration is its own; only that it failed is what a client sees.
                self.queries.append((began, 0.0, error))
            if error:
                connection.rollback()

    def stop(self) -> list[tuple[float, float, str]]:
        self.stopping.set()
        for connection in self.reporting:
            connection.cancel()
        for thread in self.threads:
            thread.join(STOP_SECONDS)
        return self.queries


def execute(connection: psycopg.Connection[Any], sql: str, parameters: tuple[Any, ...] = ()) -> str:
    """Execute one query.

    :returns: what went wrong, beginning with its SQLSTATE.
    """
    try:
        connection.execute(sql, parameters or None)
    except psycopg.Error as error:
        return f"{error.sqlstate} {str(error).splitlines()[0]}"
    return ""


def main() -> None:
    # A thread whose answer has come shall not wait for others to give way.
    sys.setswitchinterval(0.0005)
    clients = Clients(**json.loads(sys.stdin.readline()))
    clients.begin()
    gc.freeze()
    gc.disable()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "report":
            print(json.dumps(clients.report()), flush=True)
        if line.strip() == "stop":
            break
    print(json.dumps(clients.stop()), flush=True)


if __name__ == "__main__":
    main()
