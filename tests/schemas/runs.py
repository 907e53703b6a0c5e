"""Databases with the tables of :mod:`.cases`, and their contents."""

from __future__ import annotations

import copy
import difflib
import itertools
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from django_zero_downtime_migrations.errors import UnsafeOperationWarning
from tests import databases
from tests.backends.project import APP
from tests.operations.runs import DESCRIPTION, migration, psql

from .cases import ROWS, Case, before
from .situations import ALONE, Situation

numbers = itertools.count(1)
ONE_SCHEMA = DESCRIPTION.replace("n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'", "n.nspname = 'b'")
assert ONE_SCHEMA != DESCRIPTION

NAMES = """
SELECT 'index', relname FROM pg_class WHERE relnamespace = 'b'::regnamespace AND relkind = 'i'
UNION SELECT 'key', conname FROM pg_constraint WHERE connamespace = 'b'::regnamespace AND contype IN ('f', 'c')
UNION SELECT 'sequence', relname FROM pg_class WHERE relnamespace = 'b'::regnamespace AND relkind = 'S'
"""
# The oid and the file are compared: an object that was dropped and made again does not count as untouched.
UNTOUCHED = """
SELECT r.oid::text, r.relnamespace::regnamespace::text, r.relname, pg_relation_filenode(r.oid)::text,
       coalesce(pg_get_indexdef(r.oid), q.seqtypid::regtype::text), i.indisvalid::text
FROM pg_class r LEFT JOIN pg_index i ON i.indexrelid = r.oid LEFT JOIN pg_sequence q ON q.seqrelid = r.oid
WHERE r.relnamespace IN ('a'::regnamespace, 'c'::regnamespace)
UNION ALL
SELECT oid::text, connamespace::regnamespace::text, conname, '', pg_get_constraintdef(oid), convalidated::text
FROM pg_constraint WHERE connamespace IN ('a'::regnamespace, 'c'::regnamespace)
ORDER BY 2, 3, 1
"""


class Found(NamedTuple):
    """Schema ``b``: its tables, and their rows."""

    schema: list[str]
    rows: list[str]


def assert_same(expected: Sequence[Any], found: Sequence[Any]) -> None:
    """Assert that two states are the same.

    :param expected: a :class:`Found`, or what :func:`untouched` has returned before.
    """
    wanted, got = (
        [str(line) for part in each for line in (part if isinstance(part, list) else [part])]
        for each in (expected, found)
    )
    assert wanted == got, "\n".join(difflib.unified_diff(wanted, got, "expected", "found", lineterm="", n=0))


class Truth(NamedTuple):
    """The result of stock Django for a case without another schema, there and back; and every name that indexes,
    constraints and sequences have on the way.
    """

    there: Found
    back: Found
    names: Sequence[tuple[str, str]]


@contextmanager
def connected(
    name: str, search_path: str, engine: str = settings.ENGINE, **options: Any
) -> Iterator[BaseDatabaseWrapper]:
    parameters = copy.deepcopy(connections.settings["default"]) | {"ENGINE": engine, "NAME": name} | options
    parameters["OPTIONS"] = parameters["OPTIONS"] | {"options": f"-c search_path={search_path}"}
    with databases.registered(f"schemas{next(numbers)}", parameters) as connection:
        yield connection


def state(situation: Situation) -> ProjectState:
    made = ProjectState()
    for operation in before(situation.table):
        operation.state_forwards(APP, made)
    made.apps  # noqa: B018  (rendered, as the executor has it)
    return made


def migration_of(case: Case, situation: Situation) -> Migration:
    return migration("0002_change", case.operations(situation.table), case.atomic, APP)


def forwards(connection: BaseDatabaseWrapper, case: Case, situation: Situation) -> None:
    _run(connection, case, situation, "apply")


def backwards(connection: BaseDatabaseWrapper, case: Case, situation: Situation) -> None:
    _run(connection, case, situation, "unapply")


def _run(connection: BaseDatabaseWrapper, case: Case, situation: Situation, direction: str) -> None:
    migration = migration_of(case, situation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsafeOperationWarning)
        with connection.schema_editor(atomic=case.atomic) as editor:
            getattr(migration, direction)(state(situation), editor)


def script(connection: BaseDatabaseWrapper, case: Case, situation: Situation, direction: str = "apply") -> str:
    """Return the output of sqlmigrate."""
    migration = migration_of(case, situation)
    with connection.schema_editor(collect_sql=True, atomic=case.atomic) as editor:
        getattr(migration, direction)(state(situation), editor, collect_sql=True)
    return "\n".join(editor.collected_sql)


def run_script(connection: BaseDatabaseWrapper, case: Case, situation: Situation, direction: str) -> None:
    """Run it by psql with the same search_path."""
    path = f"SET search_path = {situation.search_path};\n"
    psql(connection.settings_dict["NAME"], path + script(connection, case, situation, direction))


@contextmanager
def template() -> Iterator[str]:
    """Make a database with the tables in ``b``, by stock Django."""
    with databases.fresh_database() as name:
        with connected(name, ALONE.search_path, settings.STOCK_ENGINE) as connection:
            execute(connection, "CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA c")
            with connection.schema_editor() as editor:
                migration("0001_initial", before(ALONE.table), app=APP).apply(ProjectState(), editor)
            execute(connection, ROWS)
        yield name


def names_of(case: Case, name: str, *rows_first: str) -> list[tuple[str, str]]:
    """Return the names that indexes, constraints and sequences have before and after a case.

    :param rows_first: SQL.
    """
    with (
        databases.fresh_database(name) as copied,
        connected(copied, ALONE.search_path, settings.STOCK_ENGINE) as connection,
    ):
        for sql in rows_first:
            execute(connection, sql)
        names = set(rows(connection, NAMES))
        forwards(connection, case, ALONE)
        return sorted(names | set(rows(connection, NAMES)))


def truth(case: Case, name: str) -> Truth:
    with (
        databases.fresh_database(name) as copied,
        connected(copied, ALONE.search_path, settings.STOCK_ENGINE) as connection,
    ):
        names = set(rows(connection, NAMES))
        forwards(connection, case, ALONE)
        there = found(connection)
        names |= set(rows(connection, NAMES))
        backwards(connection, case, ALONE)
        return Truth(there, found(connection), sorted(names | set(rows(connection, NAMES))))


def add_namesakes(connection: BaseDatabaseWrapper, names: Sequence[tuple[str, str]], situation: Situation) -> None:
    """Make objects of the same names, with other content, in a schema that comes before ``b`` and in one after it."""
    for schema in ("a", "c"):
        # Without the schema, a table that is found before ours would be the one that is migrated.
        hidden = schema == "a" and not situation.quoted
        tables = ["decoy"] if hidden else ["item", "group", "other", "item_tags"]
        made = [f'CREATE TABLE {schema}."{table}" (x int PRIMARY KEY, y int)' for table in tables]
        first = f"{schema}.{tables[0]}"
        made.append(f"INSERT INTO {first} VALUES (1, 1)")
        for kind, name in names:
            match kind:
                case "index":
                    made.append(f'CREATE INDEX IF NOT EXISTS "{name}" ON {first} (y)')
                case "key":
                    made.append(
                        f'ALTER TABLE {first} ADD CONSTRAINT "{name}" FOREIGN KEY (y) '
                        f"REFERENCES {first} DEFERRABLE INITIALLY DEFERRED"
                    )
                case "sequence":
                    made.append(f'CREATE SEQUENCE {schema}."{name}" AS smallint')
        execute(connection, "; ".join(made))


def execute(connection: BaseDatabaseWrapper, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, None)


def rows(connection: BaseDatabaseWrapper, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, None)
        return list(cursor.fetchall())


def untouched(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    return rows(connection, UNTOUCHED)


def everything(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the schema of the whole database."""
    with closing(databases.open_session(connection.settings_dict["NAME"])) as session, session.cursor() as cursor:
        cursor.execute("SET search_path = pg_catalog")
        cursor.execute(DESCRIPTION)
        return list(cursor.fetchone()[0])


def found(connection: BaseDatabaseWrapper) -> Found:
    """Return everything with its schema, whatever the search_path is."""
    with closing(databases.open_session(connection.settings_dict["NAME"])) as session, session.cursor() as cursor:
        cursor.execute("SET search_path = pg_catalog")
        cursor.execute(ONE_SCHEMA)
        schema = [line for line in cursor.fetchone()[0] if not re.match(r"sequence \| [ac]\.", line)]
        cursor.execute("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'b' ORDER BY 1")
        lines = []
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t")
            lines += [f"{table}: {json.dumps(json.loads(row[0]), sort_keys=True)}" for row in cursor.fetchall()]
    return Found(schema, sorted(lines))
