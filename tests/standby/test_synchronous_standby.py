"""A standby that confirms nothing delays the committing session, and not the sessions behind a short step's locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.project import Shop
from tests.backends.sessions import Beside, run, wait_until
from tests.execution.test_sqlmigrate import psql

BOOK = migrations.CreateModel(
    "book",
    [("id", models.BigAutoField(primary_key=True)), ("title", models.CharField(max_length=20, null=True))],
)
STEPS = {
    "short": migrations.AddField("book", "pages", models.IntegerField(null=True)),
    "short, more than one": migrations.AlterField("book", "title", models.CharField(max_length=30, default="none")),
    "of two tables": migrations.AddField("book", "next", models.ForeignKey("shop.book", models.CASCADE, null=True)),
    "unsafe": migrations.AlterField("book", "title", models.IntegerField(null=True)),
}
CHANGED = "SELECT xmin::text FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attnum > 0 ORDER BY attnum"
WAITS_FOR_STANDBY = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
#: A reader that waits for longer gets an error.
READS = "SET lock_timeout = '20s'; SELECT count(*) FROM shop_book"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning"),
]


@pytest.mark.parametrize("retry", ["10min", None], ids=["retried", "one attempt"])
@pytest.mark.parametrize("operation", STEPS.values(), ids=STEPS)
def test_a_step_lets_go_of_its_locks_before_the_standby_has_confirmed_it(
    books: Shop,
    primary: Any,
    follower: Any,
    stands_still: Callable[[], None],
    settings: Any,
    operation: Any,
    retry: Any,
) -> None:
    """A validation, and the rows of a fill, are committed at the level of the session, and hold up no reader."""
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "2s"
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = retry
    books.migrate(BOOK)
    stands_still()
    with Beside(lambda: books.migrate(operation)) as work:
        waits = lambda: not work.thread.is_alive() or run(primary, WAITS_FOR_STANDBY)  # noqa: E731
        wait_until(waits, "the migration has ended or waits for the standby")
        run(primary, READS)
        run(follower, "SELECT pg_wal_replay_resume()")
        work.result()


def test_the_record_is_confirmed_and_proves_what_came_before(
    books: Shop, primary: Any, follower: Any, stands_still: Callable[[], None]
) -> None:
    """Whatever is committed at the level of the session afterwards waits, and then the standby has the step as well."""
    books.migrate(BOOK)
    stands_still()
    books.migrate(STEPS["short"])
    with Beside(lambda: books.run("INSERT INTO shop_book (pages) VALUES (1)")) as work:
        wait_until(lambda: run(primary, WAITS_FOR_STANDBY), "the record waits", work)
        assert run(primary, "SELECT count(*) FROM shop_book") == [(0,)]
        run(follower, "SELECT pg_wal_replay_resume()")
        work.result()
    assert run(follower, "SELECT pages FROM shop_book") == [(1,)]


def test_the_script_lets_go_as_well(
    books: Shop, primary: Any, servers: Any, stands_still: Callable[[], None], settings: Any
) -> None:
    settings.DATABASE_URL = servers.primary.url
    books.migrate(BOOK)
    script = books.script(STEPS["short"])
    stands_still()
    psql(books.connection, script)
    run(primary, READS)


def test_nothing_is_left_on_the_connection(books: Shop) -> None:
    books.migrate(BOOK)
    books.migrate(STEPS["short"])
    assert books.run("SHOW synchronous_commit") == [("remote_apply",)]
