"""The terminal after a failed `manage.py migrate`: the error and the way on, and no traceback of ours."""

from __future__ import annotations

import pickle
import subprocess
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import IntegrityError, OperationalError, migrations, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from django_zero_downtime_migrations.errors import LockNotAcquired
from tests.backends.project import Shop, Site
from tests.backends.sessions import run

ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel("book", [ID, ("pages", models.IntegerField(null=True))])
ADD_RANK = migrations.AddField("book", "rank", models.IntegerField(null=True))
UNIQUE = migrations.AlterField("book", "pages", models.IntegerField(null=True, unique=True))
SAME = "INSERT INTO shop_book (pages) VALUES (7), (7)"


@pytest.fixture
def books(site: Site) -> Site:
    site.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "100ms"
    site.add(BOOK)
    site.migrate()
    return site


def failed(site: Site, *arguments: str) -> list[str]:
    """Return the lines on the standard error."""
    process = site.start("migrate", *arguments, stderr=subprocess.PIPE)
    out, err = process.communicate()
    assert process.returncode == 1, out + err
    assert out.splitlines()[-1].endswith("... failed")
    return err.splitlines()


def test_rows_that_are_not_unique(books: Site, observer: Any) -> None:
    run(observer, SAME)
    books.add(UNIQUE)
    said = failed(books)
    assert said[0].startswith("IntegrityError: ")
    assert "The step that failed: CREATE UNIQUE INDEX CONCURRENTLY" in "\n".join(said)
    assert any("with the same pages: id 1 = 2" in line for line in said)
    assert "Traceback (most recent call last):" not in said


def test_lock_that_was_not_free_in_one_attempt(books: Site, other_session: Any) -> None:
    run(other_session, "SELECT FROM shop_book")
    books.add(ADD_RANK)
    said = failed(books)
    assert said[0].startswith("OperationalError: canceling statement due to lock timeout")
    [(pid,)] = run(other_session, "SELECT pg_backend_pid()")
    (line,) = [line for line in said if line.startswith("In the way: ")]
    assert f"pid {pid} (" in line
    assert "ACCESS SHARE on shop_book" in line
    assert said[-1] == "The migration can be run again."
    assert "Traceback (most recent call last):" not in said


def test_lock_that_was_not_free_within_the_statement_timeout(books: Site, other_session: Any) -> None:
    run(other_session, "SELECT FROM shop_book")
    books.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "1h"
    books.settings["ZERO_DOWNTIME_MIGRATIONS_STATEMENT_TIMEOUT"] = "100ms"
    books.add(ADD_RANK)
    [(pid,)] = run(other_session, "SELECT pg_backend_pid()")
    assert any(line.startswith(f"In the way: pid {pid} (") for line in failed(books))


def test_lock_that_was_not_free_at_all(books: Site, other_session: Any) -> None:
    run(other_session, "SELECT FROM shop_book")
    books.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT"] = "1s"
    books.add(ADD_RANK)
    said = failed(books)
    (line,) = [line for line in said if line.startswith("LockNotAcquired: No lock within LOCK_RETRY_TIMEOUT")]
    assert "In the way: pid " in line
    assert said[-1] == "The migration can be run again."
    assert "Traceback (most recent call last):" not in said


ENDS_ITS_SESSION = """
CREATE FUNCTION ends_its_session() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
CREATE TRIGGER ends_its_session BEFORE INSERT ON django_migrations FOR EACH ROW EXECUTE FUNCTION ends_its_session()
"""


NOT_RECORDED = "have run, and its record in django_migrations could not be written."
ENDS_NOT = "DROP TRIGGER ends_its_session ON django_migrations"
RECORDED = "SELECT name FROM django_migrations WHERE app = 'shop' ORDER BY id"


@pytest.mark.parametrize("journal", [True, False])
def test_connection_that_ends_when_the_migration_is_recorded(books: Site, observer: Any, journal: bool) -> None:
    books.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = journal
    books.add(ADD_RANK)
    run(observer, ENDS_ITS_SESSION)
    said = failed(books)
    assert NOT_RECORDED in "\n".join(said)
    assert "Traceback (most recent call last):" not in said
    assert run(observer, "SELECT count(*) FROM pg_attribute WHERE attname = 'rank'") == [(1,)]

    run(observer, ENDS_NOT)
    if journal:
        books.migrate()
        assert len(run(observer, RECORDED)) == 2


def test_connection_that_ends_when_a_new_table_is_recorded(books: Site, observer: Any) -> None:
    """The table shares a transaction with the record."""
    books.add(migrations.CreateModel("shelf", [ID]))
    run(observer, ENDS_ITS_SESSION)
    assert NOT_RECORDED in "\n".join(failed(books))
    assert run(observer, "SELECT to_regclass('shop_shelf')") == [(None,)]

    run(observer, ENDS_NOT)
    books.migrate()
    assert len(run(observer, RECORDED)) == 2


def test_traceback_is_shown_when_it_is_asked_for(books: Site, observer: Any) -> None:
    run(observer, SAME)
    books.add(UNIQUE)
    said = failed(books, "--traceback")
    assert "Traceback (most recent call last):" in said


def test_error_of_code_keeps_its_traceback(books: Site) -> None:
    """Its author looks for the line."""
    books.add(migrations.RunPython(twice_the_same))
    said = failed(books)
    assert "Traceback (most recent call last):" in said
    assert any("in twice_the_same" in line for line in said)


def twice_the_same(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("ALTER TABLE shop_book ADD COLUMN id integer")


def test_error_of_code_at_the_record_of_another_migration(books: Site, observer: Any) -> None:
    """The migration that has the code is not the one that was recorded."""
    books.add(migrations.RunPython(records_another))
    run(observer, ENDS_ITS_SESSION.replace("PERFORM pg_terminate_backend(pg_backend_pid())", "RAISE 'not today'"))
    said = failed(books)
    assert any("in records_another" in line for line in said)
    assert NOT_RECORDED not in "\n".join(said)


def records_another(apps: Any, schema_editor: Any) -> None:
    executor = MigrationExecutor(schema_editor.connection)
    first = next(x for (app, _), x in executor.loader.disk_migrations.items() if app == "shop")
    executor.apply_migration(ProjectState(), first, fake=True)


def test_error_is_of_the_class_that_it_was_of_before(shop: Shop) -> None:
    shop.migrate(BOOK)
    shop.run(SAME)
    with pytest.raises(IntegrityError) as raised:
        shop.migrate(UNIQUE)
    assert isinstance(raised.value, CommandError)
    assert type(raised.value).__name__ == "IntegrityError"
    assert raised.value.__cause__ is not None
    assert "could not create unique index" in str(raised.value)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), str(again)) == (IntegrityError, str(raised.value))


def test_lock_error_is_one_of_the_database_as_before(shop: Shop, other_session: Any, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "50ms"
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = "200ms"
    shop.migrate(BOOK)
    run(other_session, "SELECT FROM shop_book")
    with pytest.raises(OperationalError) as raised:
        shop.migrate(ADD_RANK)
    assert isinstance(raised.value, LockNotAcquired)
    assert isinstance(raised.value, CommandError)
