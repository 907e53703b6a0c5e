"""One project's history in one direction, in a process of its own; prints JSON.

``corpus.py`` hands this text to the interpreter of an environment that knows nothing of this project. ``WAY`` is
``forwards`` or ``backwards``; ``RUNS`` is ``one`` for a single ``migrate`` (backwards one for each app), or ``each``
for one for each migration, so that every table of an earlier migration is in use.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection, transaction  # noqa: E402
from django.db.migrations import Migration, RunPython, RunSQL  # noqa: E402
from django.db.migrations.exceptions import IrreversibleError  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402
from django.db.migrations.loader import MigrationLoader  # noqa: E402
from django.db.migrations.recorder import MigrationRecorder  # noqa: E402

#: Migrations that failed with stock Django. They are not tried with ours, which keeps what came before the failure.
AS_STOCK: dict[str, str] | None = json.loads(os.environ["FAILED"])
EACH = os.environ["RUNS"] == "each"
COLUMNS = """
SELECT c.oid::regclass::text, quote_ident(a.attname), format_type(a.atttypid, NULL), t.typcategory, NOT a.attnotnull,
    (SELECT format('(SELECT %%I FROM %%s ORDER BY 1 LIMIT 1)', f.attname, k.confrelid::regclass)
     FROM pg_constraint k JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[1]
     WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.conkey = ARRAY[a.attnum] LIMIT 1)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
AND NOT a.atthasdef AND a.attidentity = '' AND c.relname <> 'django_migrations'
ORDER BY c.relname, a.attnum
"""
#: By the category of a type. Strings are such that a cast to a number or to JSON works.
VALUES = {"S": "'1'", "N": "1", "B": "false", "D": "'2020-01-01'", "T": "'1 day'", "I": "'127.0.0.1'", "A": "'{}'"}
VALUES_BY_TYPE = {"uuid": "'00000000-0000-0000-0000-000000000001'", "jsonb": "'[]'", "bytea": "'1'"}


class Counted:
    """The cost of the runs: seconds, statements, those of a safe sequence, runs, findings that were warned of.

    And errors that come with any engine: what Django cannot take back, or what fails when the migration is done. And
    migrations of the project that failed, and the schema after each run.
    """

    def __init__(self) -> None:
        self.wall, self.queries, self.safe, self.runs, self.findings = 0.0, 0, 0, 0, 0
        self.cpu = 0.0
        self.errors: list[str] = []
        self.failed: dict[str, str] = {}
        self.schemas: list[str] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self.queries += 1
        self.safe += any(word in sql for word in (" CONCURRENTLY ", " NOT VALID"))
        return execute(sql, params, many, context)

    def migrate(self, *target: str) -> None:
        self.runs += 1
        begin, cpu = time.perf_counter(), time.process_time()
        with warnings.catch_warnings(record=True) as caught, connection.execute_wrapper(self):
            warnings.simplefilter("always")
            try:
                call_command("migrate", *target, verbosity=0)
            finally:
                self.wall, self.cpu = self.wall + time.perf_counter() - begin, self.cpu + time.process_time() - cpu
                self.findings += sum(x.category.__name__ == "UnsafeOperationWarning" for x in caught)

    def reach(self, app: str | None, name: str | None) -> None:
        """Find where the project itself fails, on empty tables and without what its migration does with rows."""
        target = (app, name or "zero") if app else ()
        while plan := planned(app, name):
            if self.may_fail(*plan[0]):
                empty(plan[0][0].app_label)
            try:
                self.migrate(*target)
            except Exception as error:
                text = re.sub(" at 0x[0-9a-f]+", "", f"{type(error).__name__}: {error}")
                if not (left := planned(app, name)) or isinstance(error, IrreversibleError):
                    self.errors.append(text)
                    if text in self.errors[:-1]:
                        # Not for the sake of an operation of its own.
                        return
                elif AS_STOCK is None and str(left[0][0]) not in self.failed:
                    self.failed[str(left[0][0])] = text
                else:
                    raise
                if left:
                    leave_out(left[0][0])
            self.schemas.append(f"{' '.join(target)} {schema()}")

    def may_fail(self, migration: Migration, backwards: bool) -> bool:
        """Return whether it may fail: without a transaction, its work before a failure stays, and a retry fails too."""
        return str(migration) in self.failed or (backwards and not migration.atomic)


def schema() -> str:
    """Return a hash of the schema, after each run: a difference in between may be gone at the end."""
    with connection.cursor() as cursor:
        cursor.execute(os.environ["DESCRIPTION"], None)
        return hashlib.md5("\n".join(cursor.fetchone()[0]).encode()).hexdigest()


def planned(app: str | None, name: str | None) -> list[tuple[Migration, bool]]:
    executor = MigrationExecutor(connection)
    targets: Any = [(app, name)] if app else executor.loader.graph.leaf_nodes()
    return list(executor.migration_plan(targets))


def leave_out(migration: Migration) -> None:
    """Make the migration change no rows from now on."""
    for operation in migration.operations:
        for kind, names in ((RunPython, ("code", "reverse_code")), (RunSQL, ("sql", "reverse_sql"))):
            name = names[os.environ["WAY"] == "backwards"]
            if isinstance(operation, kind):
                setattr(operation, name, kind.noop)


def history() -> list[tuple[str, str]]:
    """Return the names of all migrations in the order in which Django runs them."""
    graph = MigrationLoader(connection).graph
    return list(dict.fromkeys(key for leaf in graph.leaf_nodes() for key in graph.forwards_plan(leaf)))


def forwards(counted: Counted) -> None:
    if not EACH:
        counted.reach(None, None)
        return
    for app, name in history():
        if (app, name) not in MigrationRecorder(connection).applied_migrations():
            counted.reach(app, name)
            fill()


def backwards(counted: Counted) -> None:
    everything = history()
    if not EACH:
        apps = list(dict.fromkeys(app for app, _ in everything))
        while apps:
            counted.reach(apps.pop(apps.index(min(apps, key=drags_along))), None)
        return
    for position, (app, name) in reversed(list(enumerate(everything))):
        if (app, name) in MigrationRecorder(connection).applied_migrations():
            fill()
            before = [other for label, other in everything[:position] if label == app]
            counted.reach(app, before[-1] if before else None)


def drags_along(app: str) -> int:
    """Return how many migrations of other apps are taken back with it."""
    return sum(migration.app_label != app for migration, _ in planned(app, None))


def tables(cursor: Any) -> dict[str, list[tuple[str, str, bool]]]:
    """Return the columns without a default, by table, with a value for each."""
    cursor.execute(COLUMNS, [])
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for table, name, kind, category, nullable, reference in cursor.fetchall():
        value = reference or VALUES_BY_TYPE.get(kind) or VALUES.get(category, "NULL")
        found.setdefault(table, []).append((name, value, nullable and not reference))
    return found


def fill() -> None:
    """Insert a row into each empty table if one can be guessed: with NULL if that is allowed, except foreign keys."""
    with connection.cursor() as cursor:
        waiting = {table: columns for table, columns in tables(cursor).items() if is_empty(cursor, table)}
        while made := [table for table, columns in waiting.items() if insert(cursor, table, columns)]:
            waiting = {table: columns for table, columns in waiting.items() if table not in made}


def empty(app: str) -> None:
    with connection.cursor() as cursor:
        names = ", ".join(table for table in tables(cursor) if table.startswith(f"{app}_"))
        if EACH and names:
            cursor.execute(f"TRUNCATE {names} CASCADE")


def is_empty(cursor: Any, table: str) -> bool:
    cursor.execute(f"SELECT NOT EXISTS (SELECT FROM {table})")
    return bool(cursor.fetchone()[0])


def insert(cursor: Any, table: str, columns: list[tuple[str, str, bool]]) -> bool:
    values = {name: value for name, value, nullable in columns if not nullable}
    written = f"({', '.join(values)}) VALUES ({', '.join(values.values())})" if values else "DEFAULT VALUES"
    return execute(cursor, f"INSERT INTO {table} {written}")


def execute(cursor: Any, sql: str) -> bool:
    try:
        with transaction.atomic():
            cursor.execute(sql)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError:
        return False
    return True


for migration in MigrationLoader(connection).disk_migrations.values():
    if str(migration) in (AS_STOCK or ()):
        leave_out(migration)
counted = Counted()
counted.failed |= AS_STOCK or {}
{"forwards": forwards, "backwards": backwards}[os.environ["WAY"]](counted)
print(json.dumps(vars(counted)))
