"""One client of the shop, a process of its own: python -m example.demo.client reader|writer|report ROWS SEED SECONDS.

It runs the code of the shop's first day, so it knows the columns of 0001_initial only. Each query gives a line on
standard output: `<start> <seconds> ok`, or what went wrong. The clock is the machine's monotonic one, as in the demo.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import django
from django.conf import settings
from django.db import Error, connection, transaction

from example.demo.filling import customers
from example.settings import database

THINK = 0.005
Action = Callable[[], None]


class WrongRows(Exception):
    """A query gave or changed other rows than it should."""


def expect(actual: object, expected: object) -> None:
    if actual != expected:
        raise WrongRows(f"expected {expected!r}, got {actual!r}")


def query(sql: str, *parameters: str | int | float) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def reader(rows: int, dice: random.Random) -> Iterator[Action]:
    """Looks up an order with its customer, as a page of the shop would."""

    def look_up() -> None:
        order = dice.randint(1, rows)
        sql = """SELECT o.number, o.quantity, o.total, c.email FROM shop_order o
                 JOIN shop_customer c ON c.id = o.customer_id WHERE o.id = %s"""
        email = f"c{1 + order % customers(rows)}@example.com"
        expect(query(sql, order), [(f"N{order}", 1 + order % 9, order % 1000, email)])

    yield from itertools.repeat(look_up)


def writer(rows: int, dice: random.Random) -> Iterator[Action]:
    """Places an order and notes it at its customer, in one transaction; or moves an order on."""
    name = dice.getrandbits(32)
    numbers = itertools.count()

    def place() -> None:
        customer = dice.randint(1, customers(rows))
        number = f"W{name:x}-{next(numbers)}"
        sql = """INSERT INTO shop_order (number, customer_id, status, channel, quantity, total, placed_at)
                 VALUES (%s, %s, 'open', 'shop', 1, 10, now()) RETURNING id"""
        with transaction.atomic():
            [(order,)] = query(sql, number, customer)
            query("UPDATE shop_customer SET latest_order_id = %s WHERE id = %s RETURNING id", order, customer)
        expect(query("SELECT number FROM shop_order WHERE id = %s", order), [(number,)])

    def move_on() -> None:
        order = dice.randint(1, rows)
        expect(query("UPDATE shop_order SET status = 'sent' WHERE id = %s RETURNING id", order), [(order,)])

    yield from itertools.cycle([place, move_on])


def report(rows: int, seconds: float) -> Action:
    """Adds up all orders in a transaction of this length; the sleep stands for a slower disk and more columns."""

    def add_up() -> None:
        started = time.monotonic()
        with transaction.atomic():
            [(count,)] = query("SELECT count(*) FROM shop_order WHERE id <= %s AND total >= 0", rows)
            expect(count, rows)
            rest = max(seconds - (time.monotonic() - started), 0)
            query("SELECT pg_sleep(%s)::text", rest)

    return add_up


def timed(action: Action) -> None:
    started = time.monotonic()
    try:
        action()
        outcome = "ok"
    except WrongRows as error:
        outcome = f"WRONG ROWS: {error}"
    except Error as error:
        outcome = " ".join(f"{type(error).__name__}: {error}".split())
        # A connection that broke is opened again by the next query.
        connection.close_if_unusable_or_obsolete()
    print(f"{started:.6f} {time.monotonic() - started:.6f} {outcome}", flush=True)


def main(kind: str, rows: int, seed: int, seconds: float) -> None:
    # No apps: it starts sooner, and has no model that knows more than the first day.
    settings.configure(DATABASES={"default": database(os.environ["DATABASE_URL"], "stock")}, USE_TZ=True)
    django.setup()
    dice = random.Random(seed)
    actions: Iterator[Action]
    if kind == "report":
        actions, think = itertools.repeat(report(rows, seconds)), seconds / 2
    else:
        actions, think = (reader if kind == "reader" else writer)(rows, dice), THINK
    for action in actions:
        timed(action)
        time.sleep(think)


if __name__ == "__main__":
    # The demo has ended when our output has no reader.
    with suppress(BrokenPipeError, KeyboardInterrupt):
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    os._exit(0)
