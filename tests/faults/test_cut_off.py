"""A change of type is done online, and the network or the server goes away: the next run finishes it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import migrations, models

from servers import launch
from tests import databases
from tests.backends.project import Site
from tests.backends.sessions import run, wait_until

from .cut import Cut, cut

pytestmark = pytest.mark.slow

ROWS = 30000
#: The statement at which it happens. In the journal, which has it before, there are backslashes before the quotes.
POINTS = {
    "the column": r'ADD COLUMN "~n_',
    "rows": r'UPDATE "shop_order" SET "~n_',
    "the proof": r'VALIDATE CONSTRAINT "',
    "an index": r'CREATE INDEX CONCURRENTLY "',
    "statistics": r'ANALYZE "',
    "the swap": r'RENAME COLUMN "~n_',
}
CHECKPOINTER = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
WAITS = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() OFFSET 1"
WRONG = "SELECT count(*) FROM shop_order WHERE n IS DISTINCT FROM id::int"
DONE = "SELECT pg_typeof(n)::text, count(*) FROM shop_order GROUP BY 1"
INDEXED = "SELECT indisvalid FROM pg_index WHERE indrelid = 'shop_order'::regclass AND NOT indisprimary"
LEFT = """
SELECT attname FROM pg_attribute WHERE attrelid = 'shop_order'::regclass AND attname LIKE '%zdm%' AND NOT attisdropped
UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE '%zdm%'
UNION ALL SELECT conname FROM pg_constraint WHERE conname LIKE '%zdm%'
UNION ALL SELECT relname FROM pg_class WHERE relname LIKE '%zdm%'
"""


@pytest.fixture(scope="module")
def server(server_major: int) -> Iterator[launch.Server]:
    """Start a server that may crash: only this test uses it, and what is committed is on its disk."""
    with launch.server(server_major, in_memory=True, fsync=True) as started:
        yield started


@pytest.fixture
def session(server: launch.Server) -> Iterator[Any]:
    with closing(databases.driver.connect(server.url)) as opened:
        opened.autocommit = True
        run(opened, "DROP SCHEMA public CASCADE")
        run(opened, "CREATE SCHEMA public")
        yield opened


@pytest.fixture
def orders(server: launch.Server, session: Any, tmp_path: Path, database: Any) -> Site:
    """A table in use whose column is to become a bigint."""
    site = Site(tmp_path, database)
    site.database |= {"NAME": "postgres", "USER": "postgres", "PASSWORD": ""}
    reach(site, urlsplit(server.url).port)
    site.settings["INSTALLED_APPS"] = ["django_zero_downtime_migrations", "shop"]
    wanted = {"ONLINE_TYPE_CHANGES": True, "RAISE_FOR_UNSAFE": True, "BACKFILL_BATCH_TIME": "1ms"}
    site.settings |= {f"ZERO_DOWNTIME_MIGRATIONS_{name}": value for name, value in wanted.items()}
    n = models.IntegerField(db_index=True)
    site.add(migrations.CreateModel("order", [("id", models.BigAutoField(primary_key=True)), ("n", n)]))
    site.migrate()
    run(session, "INSERT INTO shop_order (n) SELECT g FROM generate_series(1, %s) g", ROWS)
    site.add(migrations.AlterField("order", "n", models.BigIntegerField(db_index=True)))
    return site


def reach(site: Site, port: int | None) -> None:
    site.database |= {"HOST": "127.0.0.1", "PORT": str(port)}


def interrupted(site: Site, proxy: Cut) -> str:
    reach(site, proxy.port)
    done = site.manage("migrate")
    assert (proxy.happened.is_set(), done.returncode) == (True, 1), done.stdout
    return str(done.stdout)


def assert_finished(site: Site, server: launch.Server) -> None:
    reach(site, urlsplit(server.url).port)
    site.migrate()
    with closing(databases.driver.connect(server.url)) as session:
        assert run(session, DONE) == [("bigint", ROWS)]
        assert run(session, WRONG) == [(0,)]
        assert run(session, INDEXED) == [(True,)]
        assert run(session, LEFT) == []
    assert "No migrations to apply" in site.migrate()


@pytest.mark.parametrize("sql", POINTS.values(), ids=POINTS)
def test_the_network_is_cut(orders: Site, server: launch.Server, sql: str) -> None:
    with cut("127.0.0.1", urlsplit(server.url).port or 0, sql) as proxy:
        interrupted(orders, proxy)

        assert_finished(orders, server)


@pytest.mark.parametrize("sql", POINTS.values(), ids=POINTS)
def test_the_network_is_cut_and_the_server_does_not_notice(
    orders: Site, server: launch.Server, session: Any, sql: str
) -> None:
    """Its session still has the turn, and the next run waits for that."""
    with cut("127.0.0.1", urlsplit(server.url).port or 0, sql, tells_server=False) as proxy:
        interrupted(orders, proxy)
        reach(orders, urlsplit(server.url).port)
        second = orders.start("migrate")
        wait_until(lambda: run(session, WAITS), "the next run waits")
        proxy.tell_server()
        said, _ = second.communicate(timeout=60)
        assert second.returncode == 0, said

        assert_finished(orders, server)


@pytest.mark.parametrize("sql", POINTS.values(), ids=POINTS)
def test_the_server_crashes(orders: Site, server: launch.Server, session: Any, sql: str) -> None:
    """The kill of one server process ends all of them, and the server begins again with what is in its log."""

    def crash() -> None:
        [(pid,)] = run(session, CHECKPOINTER)
        os.kill(pid, signal.SIGKILL)

    with cut("127.0.0.1", urlsplit(server.url).port or 0, sql, act=crash) as proxy:
        interrupted(orders, proxy)
    wait_until(lambda: _accepts(server), "the server is there again")

    assert_finished(orders, server)


def _accepts(server: launch.Server) -> bool:
    try:
        databases.driver.connect(server.url).close()
    except databases.driver.OperationalError:
        return False
    return True
