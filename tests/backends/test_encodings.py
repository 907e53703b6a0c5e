"""Databases in other encodings: everything that is sent can be said in them, and names are cut by their bytes."""

from __future__ import annotations

import copy
import itertools
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState

from django_zero_downtime_migrations.errors import UnsafeOperationWarning
from django_zero_downtime_migrations.server import names_of
from tests import databases
from tests.operations.case import APP, check, fk, model
from tests.operations.runs import DESCRIPTION

numbers = itertools.count(1)
#: By encoding: a word for names and a word for values that it has. SQL_ASCII keeps the bytes that the client sends.
WORDS = {
    "UTF8": ("précis", "日本"),
    "LATIN1": ("précis", "Größe"),
    "LATIN9": ("précis€", "œuvre"),
    "ISO_8859_5": ("номер", "поставки"),
    "WIN1251": ("номер", "поставки"),
    "KOI8R": ("номер", "поставки"),
    "EUC_JP": ("注文", "番号"),
    "EUC_KR": ("주문", "번호"),
    "SQL_ASCII": ("numéro", "Größe"),
}
pytestmark = pytest.mark.filterwarnings(f"ignore::{UnsafeOperationWarning.__module__}.UnsafeOperationWarning")


@contextmanager
def database_in(encoding: str, engine: str) -> Iterator[BaseDatabaseWrapper]:
    name = f"encoded_{os.getpid()}_{next(numbers)}"
    with closing(databases.open_session(autocommit=True)) as session, session.cursor() as cursor:
        locale = "LC_COLLATE 'C' LC_CTYPE 'C'"
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' {locale}")
        try:
            parameters = copy.deepcopy(connections.settings["default"]) | {"ENGINE": engine, "NAME": name}
            with databases.registered(name, parameters) as connection:
                yield connection
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def steps(encoding: str) -> list[list[Any]]:
    """Return migrations on a table in use, where the server cuts names: Django's, its own, and in some encodings the
    column's.

    In SQL_ASCII it would cut them inside a character, and the names could not be read.
    """
    word, value = WORDS[encoding]
    table, column = (f"t {word * 20}"[:16], f"c {word * 20}"[:40]) if encoding != "SQL_ASCII" else ("t é", "c é")
    integer, big = models.IntegerField, models.BigIntegerField
    text = models.CharField
    return [
        [
            model("Parent", code=text(max_length=20, unique=True)),
            model(
                "Thing",
                x=integer(null=True, db_column=column),
                y=text(max_length=20, default=value, db_comment=value) if hasattr(integer, "db_comment") else text(),
                options={"db_table": table},
            ),
        ],
        [migrations.AddField("thing", "unique", integer(null=True, unique=True, db_column=f"u{column}"))],
        [migrations.AddField("thing", "positive", models.PositiveIntegerField(null=True, db_column=f"p{column}"))],
        [migrations.AddField("thing", "parent", fk("parent", null=True, db_column=f"f{column}"))],
        [migrations.AddField("thing", "word", text(max_length=20, default=value, db_column=f"w{column}"))],
        [migrations.AlterField("thing", "x", integer(db_column=column, default=7))],
        [migrations.AlterField("thing", "x", big(db_column=column))],
        [migrations.AlterField("thing", "y", text(max_length=30))],
        [migrations.AlterField("thing", "y", models.TextField(db_index=True))],
        # Taken back, stock Django drops an index of a longer name, and where that is cut it meets the constraint's.
        [] if encoding.startswith("EUC") else [migrations.AlterField("thing", "x", big(db_column=column, unique=True))],
        [migrations.AddIndex("thing", models.Index(fields=["y"], name=f"by {word[:6]}"))],
        [migrations.AddConstraint("thing", check(~models.Q(y=f"{value} %"), f"ck {word[:6]}"))],
        [migrations.RenameField("thing", "y", "z"), migrations.AlterModelTable("thing", f"o{table}")],
        [migrations.RemoveField("thing", "unique")],
    ]


def walked(connection: BaseDatabaseWrapper, encoding: str) -> Iterator[Any]:
    """Yield the state after each migration, and after each that is taken back."""
    state, done = ProjectState(), []
    for number, operations in enumerate(steps(encoding), 1):
        migration = migrations.Migration(f"{number:04}", APP)
        migration.operations = operations
        before = state.clone()
        state.apps  # noqa: B018  (rendered, as the executor has it)
        with connection.schema_editor() as editor:
            state = migration.apply(state, editor)
        if not done:
            thing = state.apps.get_model(APP, "thing")
            thing.objects.using(connection.alias).bulk_create(
                [thing(x=None if row % 3 == 0 else row, y=f"{WORDS[encoding][1]} {row}") for row in range(9)]
            )
        done.append((migration, before))
        yield described(connection)
        if number == 5:
            # Each row has a value of its own before the column is unique.
            table = state.apps.get_model(APP, "thing")
            table.objects.using(connection.alias).filter(x=None).update(x=models.F("id") + 100)
    for migration, before in reversed(done[1:]):
        with connection.schema_editor() as editor:
            migration.unapply(before, editor)
        yield described(connection)


def described(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(DESCRIPTION, None)
        return list(cursor.fetchone()[0])


@pytest.mark.parametrize("encoding", WORDS)
def test_result_is_that_of_stock_django(encoding: str, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        with database_in(encoding, settings.STOCK_ENGINE) as stock:
            expected = list(walked(stock, encoding))
        with database_in(encoding, settings.ENGINE) as ours:
            for number, found in enumerate(walked(ours, encoding)):
                assert found == expected[number], number


@pytest.mark.parametrize("encoding", [encoding for encoding in WORDS if encoding != "SQL_ASCII"])
def test_names_are_cut_as_the_server_cuts_them(encoding: str, django_db_blocker: Any) -> None:
    """A byte for each character in some, two or three in others; a character is not cut in two."""
    with django_db_blocker.unblock(), database_in(encoding, settings.ENGINE) as connection:
        for word in WORDS[encoding]:
            for name in (f"{before}{word * 30}" for before in ("", "a", "ab")):
                with connection.cursor() as cursor:
                    cursor.execute(f'CREATE TEMPORARY TABLE "{name}" ("{name[1:]}" integer UNIQUE)')
                    cursor.execute(
                        "SELECT c.relname::text, a.attname::text, k.conname::text FROM pg_class c "
                        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1 "
                        "JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'u' "
                        "WHERE c.relpersistence = 't' AND c.relkind = 'r' ORDER BY c.oid DESC LIMIT 1"
                    )
                    names = names_of(connection)
                    table, column = names.truncate(name), names.truncate(name[1:])
                    assert cursor.fetchone() == (table, column, names.make_object_name(table, column, "key"))
