"""Old code does what it always did between any two statements of a removal, and of taking it back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations
from django.db.migrations.operations.base import Operation

from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.concurrency.attempts import before_each_statement

from .conftest import ROWS, TABLES
from .versions import TYPES

#: Each statement has a time limit, so that a queue behind a lock is an error.
OLD_CODE = """
SET lock_timeout = '1s';
INSERT INTO shop_order (note, rank, customer_id) VALUES ('old', 1, 1);
INSERT INTO shop_order_friends (order_id, customer_id) SELECT max(id), 2 FROM shop_order;
UPDATE shop_order SET note = note || '!', rank = rank + 1 WHERE id = (SELECT max(id) FROM shop_order);
DELETE FROM shop_order_friends WHERE order_id = (SELECT max(id) FROM shop_order);
DELETE FROM shop_order WHERE id = (SELECT max(id) FROM shop_order);
SELECT id, note, rank, code, customer_id FROM shop_order
"""
REMOVALS = {
    "fields": [migrations.RemoveField("order", name) for name in ("note", "rank", "code", "customer", "friends")],
    "model": [migrations.DeleteModel("order")],
    "renamed": [
        migrations.RenameField("order", "note", "remark"),
        migrations.RenameField("order", "customer", "client"),
    ],
}


@pytest.mark.parametrize("name", REMOVALS)
def test_old_code_notices_nothing(shop: Shop, observer: Any, settings: Any, name: str) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True
    shop.migrate(*TABLES)
    shop.run(ROWS)
    operations: list[Operation] = REMOVALS[name]
    rows = shop.run("SELECT * FROM shop_order ORDER BY id")

    def attempt() -> None:
        run(observer, OLD_CODE)

    with before_each_statement(shop.connection, attempt) as there:
        shop.migrate(*operations)
    assert len(there) >= len(operations)
    assert len(shop.run(TYPES)) == len(operations)
    with before_each_statement(shop.connection, attempt) as back:
        shop.unapply()
    assert len(back) > len(operations)
    assert shop.run(TYPES) == []
    assert shop.run("SELECT * FROM shop_order ORDER BY id") == rows


#: Reads by names that the view and the table share, and by the name that both have at all times.
TRAFFIC = """
INSERT INTO shop_order (rank, note, customer_id) VALUES (1, 'x', 1);
UPDATE shop_order SET note = 'y', rank = rank + 1 WHERE id = (SELECT max(id) FROM shop_order);
SELECT o.id, o.note FROM shop_order o JOIN shop_customer c ON c.id = o.customer_id WHERE o.id = 1 FOR UPDATE OF o;
DELETE FROM shop_order WHERE id > 2
"""


def test_who_waits_for_the_table_gets_what_has_its_name_then(
    shop: Shop, observer: Any, open_session: Callable[..., Any], settings: Any
) -> None:
    """Sessions that have asked for the table, and wait for its lock, when it becomes a view or a table again."""
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True
    shop.migrate(*TABLES)
    shop.run(ROWS)
    over, done, errors = threading.Event(), [0, 0], list[Exception]()

    def work(number: int) -> None:
        session = open_session(autocommit=True)
        try:
            while not over.is_set():
                run(session, TRAFFIC)
                done[number] += 1
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            shop.migrate(*REMOVALS["renamed"][:1])
            shop.unapply()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert errors == [] and min(done) > 10
