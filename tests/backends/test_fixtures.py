"""The fixtures in conftest.py, on which every other test stands."""

from __future__ import annotations

import threading

from django.conf import settings
from django.db import connections, transaction

TABLE = "CREATE TABLE shelf (id integer PRIMARY KEY)"


def run(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


def test_server_is_the_one_that_was_asked_for(server_major, database):
    assert int(run(database, "SHOW server_version_num")[0][0]) // 10000 == server_major


def test_database_is_empty(database):
    assert database.introspection.table_names() == []


def test_database_has_the_engine_under_test(database):
    assert database.settings_dict["ENGINE"] == settings.ENGINE


def test_stock_database_is_another_one(database, stock_database):
    run(stock_database, TABLE)
    assert database.introspection.table_names() == []


def test_connection_is_registered_under_its_alias(database):
    assert connections[database.alias] is database
    with transaction.atomic(database.alias):
        assert database.in_atomic_block


def test_alias_leads_to_the_same_database_in_another_thread(database):
    found = []

    def look():
        with connections[database.alias].cursor() as cursor:
            cursor.execute("SELECT current_database()")
            found.extend(cursor.fetchone())
        connections[database.alias].close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [database.settings_dict["NAME"]]


def test_second_connection_to_a_database_by_its_name(database, make_connection):
    again = make_connection(settings.STOCK_ENGINE, name=database.settings_dict["NAME"], CONN_MAX_AGE=7)
    run(database, TABLE)
    assert again.introspection.table_names() == ["shelf"]
    assert again.settings_dict["CONN_MAX_AGE"] == 7


def test_other_session_sees_only_what_is_committed(database, other_session):
    with transaction.atomic(database.alias):
        run(database, TABLE)
        assert run(other_session, "SELECT to_regclass('shelf')") == [(None,)]
    assert run(other_session, "SELECT to_regclass('shelf')::text") == [("shelf",)]


def test_dumps_of_equal_schemas_are_equal(database, stock_database, dump):
    for connection in (database, stock_database):
        run(connection, TABLE)
    assert dump(database) == dump(stock_database)
    assert "CREATE TABLE public.shelf" in dump(database)
