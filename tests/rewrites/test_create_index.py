"""The locks of a concurrent build or removal, seen while it waits: an event trigger comes too late for it."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db import connections, models
from django.db.migrations import Migration
from django.db.migrations.operations import AddField, AddIndex, AlterField, CreateModel, RemoveIndex
from django.db.migrations.state import ProjectState

from tests.backends.sessions import Beside, run, wait_until

LOCKS = """
SELECT DISTINCT l.mode FROM pg_locks l JOIN pg_locks waiting USING (pid)
WHERE NOT waiting.granted AND l.granted AND l.relation = 'app_thing'::regclass
"""
INDEX = models.Index(fields=["number"], name="thing_number")
BY = {
    # A build waits for those who wrote to the table before it began, and at its end for all old snapshots.
    "writer": "UPDATE app_thing SET number = 2",
    "snapshot": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1",
}
BUILDS = {
    "add_index": AddIndex("thing", INDEX),
    "unique": AlterField("thing", "number", models.IntegerField(unique=True)),
    "db_index": AlterField("thing", "number", models.IntegerField(db_index=True)),
    "new_unique_field": AddField("thing", "code", models.IntegerField(null=True, unique=True)),
}


@pytest.fixture
def state(database):
    """A table with a row and the state that Django has of it."""
    state = ProjectState()
    migration = Migration("0001_initial", "app")
    fields = [("id", models.BigAutoField(primary_key=True)), ("number", models.IntegerField())]
    migration.operations = [CreateModel("Thing", fields)]
    with database.schema_editor() as editor:
        state = migration.apply(state, editor)
    run(database, "INSERT INTO app_thing (number) VALUES (1)")
    return state


@pytest.fixture
def observer(open_session):
    return open_session(autocommit=True)


def migrating(alias, state, operation):
    def migrate():
        migration = Migration("0002_change", "app")
        migration.operations = [operation]
        with connections[alias].schema_editor() as editor:
            migration.apply(state.clone(), editor)

    return Beside(migrate)


@contextmanager
def in_the_way(session, sql, work):
    """Work that begins after the session has run ``sql``, and is waited for when its transaction has ended."""
    run(session, sql)
    with work:
        try:
            yield
        finally:
            session.rollback()


def modes(observer):
    return wait_until(lambda: run(observer, LOCKS), "a session that waits with a lock on the table")


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("operation", BUILDS)
def test_build_holds_share_update_exclusive(database, state, observer, other_session, operation, by):
    if operation == "new_unique_field":
        # A writer would be in the way of ADD COLUMN, long before the build.
        by = "snapshot"
    with in_the_way(other_session, BY[by], migrating(database.alias, state, BUILDS[operation])):
        assert modes(observer) == [("ShareUpdateExclusiveLock",)]


@pytest.mark.parametrize("sql", ["SELECT 1 FROM app_thing", BY["writer"]], ids=["reader", "writer"])
def test_removal_holds_share_update_exclusive(database, state, observer, other_session, sql):
    migration = Migration("0002_index", "app")
    migration.operations = [AddIndex("thing", INDEX)]
    with database.schema_editor() as editor:
        state = migration.apply(state, editor)
    removal = RemoveIndex("thing", "thing_number")
    with in_the_way(other_session, sql, migrating(database.alias, state, removal)):
        assert modes(observer) == [("ShareUpdateExclusiveLock",)]


def test_reads_and_writes_go_on_during_a_build(database, state, observer, other_session, open_session):
    with in_the_way(other_session, BY["snapshot"], migrating(database.alias, state, BUILDS["add_index"])):
        modes(observer)
        somebody = open_session(autocommit=True)
        run(somebody, "SET lock_timeout = 1")
        run(somebody, "INSERT INTO app_thing (number) VALUES (3)")
        assert len(run(somebody, "SELECT 1 FROM app_thing")) == 2
