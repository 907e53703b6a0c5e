"""Django's own connection pool of psycopg 3."""

from __future__ import annotations

from tests.works_with.history import Compare, Run, same_history
from tests.works_with.project import Project

SESSION = """
from django.core.management import call_command
from django.db import connection
def settings():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY 1")
        return cursor.fetchall()
def pooled():
    pool = connection.pool
    held = [pool.getconn() for _ in range(pool.get_stats()["pool_size"])]
    found = [each.execute("SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY 1").fetchall()
             for each in held]
    for each in held:
        pool.putconn(each)
    return found
before = settings()
call_command("migrate", verbosity=0)
connection.close()
after = pooled()
connection.close()
connection.close_pool()
print(len(after) > 0, all(found == before for found in after) or after)
"""


def test_history_is_that_of_stock(ours: Project, stock: Project, both: Run, compare: Compare) -> None:
    same_history(ours, stock, both, compare)


def test_connection_goes_back_to_the_pool_as_it_came(ours: Project) -> None:
    ours.manage("migrate", "shop", "0001")
    assert ours.python(SESSION) == "True True\n"
