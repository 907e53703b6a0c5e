"""``manage.py backfills --run`` through PgBouncer that pools transactions: one at a time, and nothing is left there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.backends.project import Shop, Site
from tests.backends.sessions import run, wait_until
from tests.backfill.conftest import ORDER, ROWS
from tests.backfill.test_later import ALL, DONE, EACH, ID, LATER, NOT_DONE

LOCKS = """
SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
WHERE locktype = 'advisory' AND d.datname = current_database()
"""


@pytest.mark.parametrize("operation", [LATER, EACH], ids=["values", "function"])
def test_one_worker_at_a_time(
    site: Site, pooled: Callable[..., Shop], observer: Any, other_session: Any, operation: Any
) -> None:
    site.add(ORDER)
    site.migrate()
    run(observer, ROWS)
    site.add(operation)
    site.migrate()
    pool = pooled("transaction", server_round_robin=1, min_pool_size=4)
    site.settings["INSTALLED_APPS"] = ["shop", "django_zero_downtime_migrations"]
    site.database["HOST"], site.database["PORT"] = "127.0.0.1", pool.connection.settings_dict["PORT"]
    run(other_session, "SELECT FROM shop_order WHERE id = 15000 FOR UPDATE")

    worker = site.start("backfills", "--run")
    wait_until(lambda: run(observer, NOT_DONE) == [(1,)], "all other rows are changed")
    second = site.manage("backfills", "--run")
    assert (second.returncode, f"{ID} is run by " in second.stdout) == (4, True), second.stdout
    other_session.rollback()

    said, _ = worker.communicate()
    assert worker.returncode == 0, said
    assert run(observer, DONE) == ALL
    assert run(observer, LOCKS) == [(0,)]
