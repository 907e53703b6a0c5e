"""Long steps wait for as long as they have to, even if the session has a short timeout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.postgres.operations import ValidateConstraint
from django.db import OperationalError, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.project import Shop
from tests.backends.sessions import Beside, run, wait_until

ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel("book", [ID, ("title", models.CharField(max_length=20, null=True))])
LONG = {
    "build": migrations.AddIndex("book", models.Index(fields=["title"], name="by_title")),
    "removal": migrations.RemoveIndex("book", "by_id"),
    "validation": ValidateConstraint("book", "positive"),
}
#: Every long step waits for this lock, and no other session needs to.
LOCK = "LOCK TABLE shop_book IN SHARE UPDATE EXCLUSIVE MODE"
WAITED = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
AND now() - query_start > interval '400 ms'
"""
TIMEOUTS = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
BRIEF = {"lock_timeout": "100ms", "statement_timeout": "3s"}
OPTION = "-c lock_timeout=100ms -c statement_timeout=3s"
#: The places that set them: a statement with the name of the database, an option of the connection, the environment.
SOURCES: dict[str, tuple[str, dict[str, str], str]] = {
    "role": ("ALTER ROLE CURRENT_USER IN DATABASE {name} SET {setting} = '{value}'", {}, ""),
    "database": ("ALTER DATABASE {name} SET {setting} = '{value}'", {}, ""),
    "options": ("", {"options": OPTION}, ""),
    "PGOPTIONS": ("", {}, OPTION),
}


@pytest.fixture
def books(database: BaseDatabaseWrapper) -> Shop:
    """A table in use, with something for each of the steps."""
    shop = Shop(database)
    index = models.Index(fields=["id"], name="by_id")
    shop.migrate(BOOK)
    shop.migrate(migrations.AddIndex("book", index))
    shop.run("ALTER TABLE shop_book ADD CONSTRAINT positive CHECK (id > 0) NOT VALID")
    return shop


@pytest.fixture(params=SOURCES.values(), ids=SOURCES)
def hasty(
    request: Any, books: Shop, make_connection: Callable[..., BaseDatabaseWrapper], observer: Any, monkeypatch: Any
) -> Shop:
    """Return the same on a connection that has been given short timeouts."""
    statement, options, environment = request.param
    name = books.connection.settings_dict["NAME"]
    for setting, value in BRIEF.items() if statement else ():
        run(observer, statement.format(name=name, setting=setting, value=value))
    if environment:
        monkeypatch.setenv("PGOPTIONS", environment)
    shop = Shop(make_connection(name=name, **options))
    shop.states, shop.migrations = books.states, books.migrations
    assert shop.run(TIMEOUTS) == [tuple(BRIEF.values())]
    return shop


@pytest.mark.parametrize("step", LONG)
def test_long_step_waits_for_longer_than_the_session_allows(
    hasty: Shop, other_session: Any, observer: Any, settings: Any, step: str
) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "100ms"
    settings.ZERO_DOWNTIME_MIGRATIONS_FLEXIBLE_STATEMENT_TIMEOUT = True
    run(other_session, LOCK)

    def migrate() -> list[Any]:
        hasty.migrate(LONG[step])
        return hasty.run(TIMEOUTS)

    with Beside(migrate) as work:
        wait_until(lambda: run(observer, WAITED), "the step waits for longer than it may", work)
        other_session.rollback()
        assert work.result() == [tuple(BRIEF.values())]


# LOCK_TIMEOUT_FORCE


@pytest.fixture
def forced(books: Shop, settings: Any) -> Shop:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "100ms"
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT_FORCE = True
    return books


OWN_BUILD = migrations.RunSQL("create index concurrently by_title on shop_book (title)")


@pytest.mark.parametrize("operation", [*LONG.values(), OWN_BUILD], ids=[*LONG, "RunSQL concurrently"])
def test_forced_lock_timeout_spares_what_a_timeout_would_leave_half_done(
    forced: Shop, other_session: Any, observer: Any, operation: Any
) -> None:
    run(other_session, LOCK)
    with Beside(lambda: forced.migrate(operation)) as work:
        wait_until(lambda: run(observer, WAITED), "the step waits for longer than LOCK_TIMEOUT", work)
        other_session.rollback()
        work.result()


@pytest.mark.parametrize("operation", [LONG["build"], OWN_BUILD], ids=["build", "RunSQL concurrently"])
def test_forced_lock_timeout_is_there_again_after_such_a_step(forced: Shop, other_session: Any, operation: Any) -> None:
    run(other_session, "SELECT 1 FROM shop_book")
    forced.run("SET statement_timeout = '10s'")
    with pytest.raises(OperationalError, match="lock timeout"):
        forced.migrate(operation, migrations.RunSQL("ALTER TABLE shop_book ADD COLUMN pages integer"))
    assert forced.run(TIMEOUTS) == [("0", "10s")]


def test_forced_lock_timeout_leaves_the_statement_timeout_of_own_statements(forced: Shop, other_session: Any) -> None:
    forced.run("SET statement_timeout = '200ms'")
    run(other_session, LOCK)
    with pytest.raises(OperationalError, match="statement timeout"):
        forced.migrate(OWN_BUILD)
