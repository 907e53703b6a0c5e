"""Between any two statements of a removal, and of taking it back, old code does what it always did."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations
from django.db.migrations.operations.base import Operation

from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.concurrency.attempts import before_each_statement

from .conftest import ROWS, TABLES
from .versions import TYPES

#: With a time for each, so that a queue behind a lock is an error.
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
    assert len(there) > len(operations)
    assert len(shop.run(TYPES)) == len(operations)
    with before_each_statement(shop.connection, attempt) as back:
        shop.unapply()
    assert len(back) > len(operations)
    assert shop.run(TYPES) == []
    assert shop.run("SELECT * FROM shop_order ORDER BY id") == rows
