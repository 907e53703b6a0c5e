"""An online change of type is no faster than a standby replays it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.execution.batches import pace
from django_zero_downtime_migrations.naming import UTF8
from tests.backends.project import Shop
from tests.backends.sessions import Beside, run, wait_until
from tests.standby.conftest import Pair

pytestmark = pytest.mark.slow

NEW = UTF8.temporary("~n", "new")
LEFT = f'SELECT count(*) FROM shop_order WHERE "{NEW}" IS NULL'
PAUSED = "SELECT pg_get_wal_replay_pause_state()"


@pytest.fixture
def orders(books: Shop, settings: Any, monkeypatch: Any, caplog: Any) -> Shop:
    """Make about 350 pages in use."""
    monkeypatch.setattr(pace, "ASK_EVERY_SECONDS", 0.05)
    caplog.set_level("INFO", logger="django_zero_downtime_migrations")
    wanted = {"ONLINE_TYPE_CHANGES": True, "BACKFILL_BATCH_TIME": "5ms", "BACKFILL_MAX_REPLICA_LAG": "500ms"}
    # It sleeps most of the time, so that a standby has time to fall behind.
    for name, value in {**wanted, "BACKFILL_LOAD": 0.1, "BACKFILL_VACUUM_EVERY": 0}.items():
        setattr(settings, f"ZERO_DOWNTIME_MIGRATIONS_{name}", value)
    fields = [("id", models.BigAutoField(primary_key=True)), ("n", models.IntegerField())]
    books.migrate(migrations.CreateModel("order", fields))
    books.run("INSERT INTO shop_order (n) SELECT generate_series(1, 80000)")
    return books


def test_it_waits_for_a_standby_that_does_not_replay(
    servers: Pair, orders: Shop, primary: Any, follower: Any, caplog: Any
) -> None:
    servers.caught_up(primary, follower)
    run(follower, "SELECT pg_wal_replay_pause()")
    wait_until(lambda: run(follower, PAUSED) == [("paused",)], "the replay is paused")

    with Beside(lambda: orders.migrate(migrations.AlterField("order", "n", models.BigIntegerField()))) as work:
        wait_until(lambda: "waiting, the standby standby is" in caplog.text, "it waits", work)
        left = run(primary, LEFT)
        time.sleep(0.5)
        assert run(primary, LEFT) == left != [(0,)]
        # Clients do not.
        run(primary, "UPDATE shop_order SET n = n + 1 WHERE id = 80000")

        run(follower, "SELECT pg_wal_replay_resume()")
        work.result()

    done = "SELECT pg_typeof(n)::text, count(*), count(*) FILTER (WHERE n <> id) FROM shop_order GROUP BY 1"
    assert run(primary, done) == [("bigint", 80000, 1)]
    servers.caught_up(primary, follower)
    assert run(follower, done) == [("bigint", 80000, 1)]
