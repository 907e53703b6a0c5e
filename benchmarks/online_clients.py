"""The clients of `online.py`: readers and writers that keep to a rate, in a process of their own."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg

from .beside import work_until_told

#: Seconds between two transactions of a client.
READ_EVERY, WRITE_EVERY = 0.005, 0.02
READERS = WRITERS = 2
Session = psycopg.Connection[Any]
Work = Callable[[Session, random.Random, int], None]


def read(session: Session, dice: random.Random, rows: int) -> None:
    session.execute("SELECT code, note FROM online_row WHERE id = %s", (dice.randint(1, rows),))


def write(session: Session, dice: random.Random, rows: int) -> None:
    key = dice.randint(1, rows)
    with session.transaction():
        session.execute("SELECT count(*) FROM online_row WHERE n = %s AND id < %s", (key % 1000, key % 500))
        session.execute("UPDATE online_row SET n = %s WHERE id = %s", (key % 1000, key))
        code = f"{os.getpid()}-{threading.get_ident() % 10**6}-{dice.randrange(10**9)}"[:20]
        made = session.execute(
            "INSERT INTO online_row (n, code, note) VALUES (%s, %s, 'y') RETURNING id", (key % 1000, code)
        ).fetchone()
        assert made is not None
        session.execute("INSERT INTO online_line (row_id) VALUES (%s)", made)
        session.execute("UPDATE online_review SET row_id = %s WHERE id = %s", (made[0], key // 2 + 1))


class Client(threading.Thread):
    """A client.

    :ivar seen: its transactions: when each began, in seconds since the epoch, and how long it took, in seconds.
    """

    def __init__(
        self,
        url: str,
        rows: int,
        number: int,
        work: Callable[[Session, random.Random, int], None],
        stop: threading.Event,
    ) -> None:
        super().__init__()
        self.url, self.rows, self.work, self.stop = url, rows, work, stop
        self.every = READ_EVERY if work is read else WRITE_EVERY
        self.dice = random.Random(number)
        self.seen: list[tuple[float, float]] = []
        self.errors: list[str] = []

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True, prepare_threshold=None) as session:
            while not self.stop.wait(self.every):
                began, start = time.time(), time.monotonic()
                try:
                    self.work(session, self.dice, self.rows)
                except psycopg.Error as error:
                    self.errors.append(str(error))
                self.seen.append((began, time.monotonic() - start))


def clients() -> None:
    """The process: traffic until its standard input ends, then what they saw."""
    url, rows = sys.argv[2:]
    kinds = [read] * READERS + [write] * WRITERS
    stop = threading.Event()
    threads = [Client(url, int(rows), number, work, stop) for number, work in enumerate(kinds)]
    for thread in threads:
        thread.start()

    def ended() -> dict[str, Any]:
        for thread in threads:
            thread.join()
        readers, writers = ([x for t in threads if t.work is work for x in t.seen] for work in (read, write))
        return {"readers": readers, "writers": writers, "errors": [x for thread in threads for x in thread.errors]}

    work_until_told(stop, ended)


if __name__ == "__main__":
    clients()
