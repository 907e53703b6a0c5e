"""A search_path in which pg_catalog does not come first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.errors import CannotJudge, CannotMigrate
from django_zero_downtime_migrations.judging.connect import connected
from tests.backends.project import Shop
from tests.backends.sessions import run

BOOK = migrations.CreateModel("book", [("id", models.BigAutoField(primary_key=True))])


@pytest.fixture
def with_path(
    make_connection: Callable[..., BaseDatabaseWrapper], database: Any
) -> Callable[[str], BaseDatabaseWrapper]:
    """with_path(path): a connection of ours with this search_path to a database that has schemas a and b."""
    run(database, "CREATE SCHEMA a; CREATE SCHEMA b; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    name = database.settings_dict["NAME"]
    return lambda path: make_connection(name=name, options=f"-c search_path={path.replace(' ', '')}")


UNIQUE = migrations.AddField("book", "code", models.CharField(max_length=9, null=True, unique=True))


def in_use(with_path: Callable[[str], BaseDatabaseWrapper], path: str) -> Shop:
    """A shop whose table is there already: only of such a table the catalogue is asked."""
    before = Shop(with_path(path.replace("pg_catalog", "public")))
    before.migrate(BOOK)
    shop = Shop(with_path(path))
    shop.states, shop.migrations = before.states, before.migrations
    return shop


@contextmanager
def refused(*words: str) -> Iterator[None]:
    with pytest.raises(CannotMigrate) as raised:
        yield
    for word in words:
        assert word in str(raised.value)


def test_is_refused_before_the_first_statement_where_anybody_may_create(with_path: Any, database: Any) -> None:
    run(database, "GRANT CREATE ON SCHEMA a TO PUBLIC")
    shop = in_use(with_path, "a,pg_catalog")
    with refused(
        "(a,pg_catalog)", 'schema "a"', "(PUBLIC)", 'REVOKE CREATE ON SCHEMA "a" FROM PUBLIC', "Nothing was sent"
    ):
        shop.migrate(UNIQUE)
    assert shop.run("SELECT * FROM shop_book LIMIT 0") == []
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'a.shop_book'::regclass AND attnum > 1"
    assert run(database, columns) == []


@pytest.mark.parametrize("grant", ["GRANT CREATE ON SCHEMA a TO {role}", "ALTER SCHEMA a OWNER TO {role}"])
def test_is_refused_where_one_other_role_may_create(
    with_path: Any, database: Any, hostile_role: str, grant: str
) -> None:
    run(database, grant.format(role=hostile_role))
    shop = in_use(with_path, "b,a,pg_catalog")
    with refused('schema "a"', f"({hostile_role})"):
        shop.migrate(UNIQUE)


@pytest.mark.parametrize("path", ["a", "pg_catalog,a", "a,b", "pg_temp,a", "pg_temp,pg_catalog,a"])
def test_is_of_no_interest_where_pg_catalog_comes_first(with_path: Any, database: Any, path: str) -> None:
    run(database, "GRANT CREATE ON SCHEMA a, b TO PUBLIC")
    connection = with_path(path)
    Shop(connection).migrate(migrations.RunSQL("SELECT 1"))


def test_is_accepted_where_nobody_else_may_create(with_path: Any, database: Any, hostile_role: str) -> None:
    run(database, f"GRANT USAGE ON SCHEMA a TO {hostile_role}; GRANT CREATE ON SCHEMA b TO {hostile_role}")
    connection = with_path("a,pg_catalog,b")
    Shop(connection).migrate(BOOK)
    assert run(database, "SELECT to_regclass('a.shop_book') IS NOT NULL") == [(True,)]


def test_operators_of_others_are_not_called_by_the_question_itself(with_path: Any, database: Any) -> None:
    run(database, "GRANT CREATE ON SCHEMA a TO PUBLIC; CREATE SEQUENCE a.called")
    shop = in_use(with_path, "a,pg_catalog")
    for kind, sign in (("name", "="), ("text", "="), ("oid", "="), ("name", "<>")):
        body = "SELECT pg_catalog.nextval('a.called') > 0"
        run(
            database,
            f"""
            CREATE OR REPLACE FUNCTION a.called({kind}, {kind}) RETURNS boolean LANGUAGE sql AS $f$ {body} $f$;
            CREATE OPERATOR a.{sign} (LEFTARG = {kind}, RIGHTARG = {kind}, FUNCTION = a.called)
            """,
        )
    with refused('schema "a"'):
        shop.migrate(UNIQUE)
    assert run(database, "SELECT is_called FROM a.called") == [(False,)]


def test_sqlmigrate_is_refused(with_path: Any, database: Any) -> None:
    run(database, "GRANT CREATE ON SCHEMA a TO PUBLIC")
    shop = in_use(with_path, "a,pg_catalog")
    with refused('schema "a"'):
        shop.collected(UNIQUE)


def test_check_migrations_is_refused(with_path: Any, database: Any) -> None:
    run(database, "GRANT CREATE ON SCHEMA a TO PUBLIC")
    with pytest.raises(CannotJudge, match='names pg_catalog behind the schema "a"'):
        connected(with_path("a,pg_catalog").alias)
