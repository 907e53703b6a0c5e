"""django-db-geventpool below us: it lends its connections, and takes them back as they were."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings

from tests.backends.sessions import wait_until
from tests.works_with.history import Compare, Run, same_history
from tests.works_with.project import Project

ONE_CONNECTION = """
import logging, sys, threading, time
from django.conf import settings
settings.DATABASES["default"]["OPTIONS"] |= {"MAX_CONNS": 1, "REUSE_CONNS": 1}
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
from django.core.management import call_command
call_command("migrate")
"""
POOLED = """
from django.core.management import call_command
from django.db import connection
SETTINGS = "SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY 1"
def settings():
    with connection.cursor() as cursor:
        cursor.execute(SETTINGS)
        return cursor.fetchall()
before = settings()
call_command("migrate", verbosity=0)
connection.close()
print(connection.pool.pool.qsize() > 0, settings() == before)
connection.close()
connection.closeall()
"""
#: It has got an answer, and has something to say.
PROGRESS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE '%progress' AND state = 'idle' AND query <> ''
"""


@pytest.fixture
def engines() -> tuple[str, str]:
    return settings.ENGINE, "django_db_geventpool.backends.postgresql_psycopg3"


def test_history_is_that_of_the_package_alone(ours: Project, stock: Project, both: Run, compare: Compare) -> None:
    same_history(ours, stock, both, compare)


def test_connection_goes_back_to_the_pool_as_it_came(ours: Project) -> None:
    ours.manage("migrate", "shop", "0001")
    assert ours.python(POOLED) == "True True\n"


def test_progress_of_a_long_step_is_told_where_the_pool_has_one_connection(
    ours: Project, open_session: Callable[..., Any]
) -> None:
    """The session that looks how far the step has come is beside the pool."""
    ours.manage("migrate", "shop", "0001")
    reader = open_session(ours.connection, autocommit=True)
    with closing(reader), reader.cursor() as cursor:
        # A concurrent build waits for every snapshot that is older, whatever it is of.
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT 1")
        with ThreadPoolExecutor() as beside:
            migrating = beside.submit(ours.python, ONE_CONNECTION)
            try:
                wait_until(lambda: ours.sql(PROGRESS), "the session of the progress")
            finally:
                cursor.execute("ROLLBACK")
            said = migrating.result()
    assert 'CREATE UNIQUE INDEX CONCURRENTLY "shop_book_isbn_key": waiting for old snapshots' in said
