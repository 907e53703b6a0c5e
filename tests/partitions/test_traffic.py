"""Readers and writers of every partition go on while its part of the work is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.backends.project import Shop
from tests.backends.sessions import Beside, run, wait_until

from .tables import LEAVES, begin
from .test_result import OPERATIONS, TO_PARTITIONED

CASES = {
    name: (OPERATIONS | TO_PARTITIONED)[name]
    for name in ("index", "unique", "not null", "check", "foreign key", "foreign key to a partitioned table")
}
#: A longer wait than any attempt at a lock may cause, in ms, on a busy machine too; a query killed by it is an error.
PATIENCE = 20_000


@pytest.fixture
def sales(shop: Shop, settings: Any) -> Shop:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "1s"
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = "1min"
    begin(shop)
    return shop


@contextmanager
def traffic(open_session: Callable[..., Any]) -> Iterator[list[int]]:
    """A reader and a writer for each partition, and one of each for the whole; how often each came round."""
    stop = threading.Event()
    rounds = [0] * (len(LEAVES) + 1)

    def client(number: int, table: str) -> None:
        session = open_session(autocommit=True)
        run(session, f"SET statement_timeout = {PATIENCE}")
        while not stop.is_set():
            run(session, f"SELECT count(*) FROM {table} WHERE shelf = 3")
            # Rows of its own: clients that wait for each other's rows say nothing of the migration.
            run(session, f"UPDATE {table} SET pages = pages + 1 WHERE id % 50 = {number}")
            rounds[number] += 1

    work = [Beside(lambda n=n, t=t: client(n, t)) for n, t in enumerate((*LEAVES, "shop_sale"))]
    for each in work:
        each.thread.start()
    try:
        wait_until(lambda: all(rounds), "each client has come round")
        yield rounds
    finally:
        stop.set()
    for each in work:
        each.result()


@pytest.mark.parametrize("name", CASES)
def test_no_client_sees_an_error(sales: Shop, open_session: Callable[..., Any], name: str) -> None:
    with traffic(open_session) as rounds:
        sales.migrate(*CASES[name])
        there = list(rounds)
        wait_until(lambda: all(now > then for now, then in zip(rounds, there, strict=True)), "all go on")
    assert sales.run("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]


def test_reads_and_writes_go_on_while_a_part_is_built(
    sales: Shop, observer: Any, other_session: Any, open_session: Callable[..., Any]
) -> None:
    run(other_session, "UPDATE sale_odd SET pages = 1 WHERE id = 201")
    waiting = (
        "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%CONCURRENTLY%sale_odd%'"
    )
    with Beside(lambda: sales.migrate(*OPERATIONS["index"])) as work:
        wait_until(lambda: run(observer, waiting), "the build waits for the writer", work)
        somebody = open_session(autocommit=True)
        run(somebody, "SET lock_timeout = 1")
        for table in (*LEAVES, "shop_sale"):
            run(somebody, f"SELECT count(*) FROM {table}")
            run(somebody, f"UPDATE {table} SET pages = 2 WHERE id <> 201")
        other_session.rollback()
    work.result()
    assert sales.run("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_pages'::regclass") == [(True,)]


def test_nothing_of_an_index_waits_for_who_only_reads_the_tables(
    sales: Shop, other_session: Any, settings: Any
) -> None:
    """The server would ask for more than is seen at the end of a statement, were a part attached before it is whole."""
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "50ms"
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = None
    run(other_session, "LOCK TABLE shop_sale IN ACCESS SHARE MODE")
    sales.migrate(*OPERATIONS["expressions"])
    assert sales.run("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_text'::regclass") == [(True,)]
