"""Roles that may not see a schema, do not own a table, or may not refer to one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import DatabaseError, ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import CreateModel

from django_zero_downtime_migrations.errors import CannotMigrate
from tests import databases
from tests.backends.sessions import told

from . import runs
from .cases import CASES, Case
from .situations import OUT_OF_SIGHT, SECOND

BY_NAME = {case.name: case for case in CASES}
CHANGES_SCHEMA = ("ALTER", "CREATE", "DROP", "COMMENT", "BEGIN", "SET")


class Roles(NamedTuple):
    owner: str
    migrator: str


@pytest.fixture
def roles() -> Iterator[Roles]:
    """Two roles that go at the end, after the databases in which they own something."""
    made = Roles(f"owner_{os.getpid()}", f"migrator_{os.getpid()}")
    with closing(databases.open_session(autocommit=True)) as session, session.cursor() as cursor:
        for role in made:
            cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'tests'")
        yield made
        for role in made:
            cursor.execute(f"DROP ROLE {role}")


class Setting:
    """The tables belong to the owner; the migrator has what a test gives it."""

    def __init__(self, make_database: Callable[..., BaseDatabaseWrapper], roles: Roles) -> None:
        self.roles = roles
        self.admin = make_database(OUT_OF_SIGHT)
        self.name = self.admin.settings_dict["NAME"]
        tables = [row[0] for row in runs.rows(self.admin, "SELECT tablename FROM pg_tables WHERE schemaname = 'b'")]
        self.run(*(f'ALTER TABLE b."{table}" OWNER TO {roles.owner}' for table in tables))
        self.run("CREATE SCHEMA d", "GRANT USAGE, CREATE ON SCHEMA a, b, c TO PUBLIC")
        self.run("GRANT SELECT, REFERENCES ON ALL TABLES IN SCHEMA b TO PUBLIC")

    def run(self, *statements: str) -> None:
        for statement in statements:
            runs.execute(self.admin, statement.format(**self.roles._asdict()))

    def migrator(self, engine: str = settings.ENGINE, situation: Any = OUT_OF_SIGHT) -> Any:
        return runs.connected(self.name, situation.search_path, engine, USER=self.roles.migrator, PASSWORD="tests")

    def schema(self) -> list[tuple[Any, ...]]:
        """Return everything in every schema, whatever a role may see."""
        return runs.rows(
            self.admin,
            runs.UNTOUCHED.replace("('a'::regnamespace, 'c'::regnamespace)", "(SELECT oid FROM pg_namespace)"),
        )


@pytest.fixture
def make_setting(roles: Roles, make_database: Callable[..., BaseDatabaseWrapper]) -> Callable[[], Setting]:
    return lambda: Setting(make_database, roles)


@pytest.fixture
def setting(make_setting: Callable[[], Setting]) -> Setting:
    return make_setting()


def refused(setting: Setting, case: Case, steps: int = 2) -> str:
    """Return what the migrator is told; nothing is changed. Of several steps none is sent, a single one the server
    refuses.
    """
    before, sent = setting.schema(), []

    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, params, many, context)

    with (
        setting.migrator() as connection,
        connection.execute_wrapper(watch),
        pytest.raises(CannotMigrate if steps > 1 else DatabaseError) as caught,
    ):
        runs.forwards(connection, case, OUT_OF_SIGHT)
    assert (steps == 1) == any(sql.startswith(CHANGES_SCHEMA) for sql in sent)
    runs.assert_same(before, setting.schema())
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])


@pytest.mark.parametrize(
    "name",
    ["add_unique", "add_foreign_key", "add_check", "not_null", "remove_unique_field", "delete_with_foreign_key_to_it"],
)
def test_somebody_elses_table_is_refused_before_the_first_of_several_statements(setting, roles, name):
    assert_names_the_owner(refused(setting, BY_NAME[name]), roles)


@pytest.mark.parametrize(
    "name", ["add_index", "remove_index", "rename_index", "add_exclusion", "column_comment", "rename_table"]
)
def test_refusal_of_a_single_statement_names_the_role_and_the_owner(setting, roles, name):
    assert_names_the_owner(refused(setting, BY_NAME[name], steps=1), roles)


def assert_names_the_owner(text: str, roles: Roles) -> None:
    assert f'The role "{roles.migrator}" must be owner of "b".' in text
    assert f'belongs to "{roles.owner}": migrate as its owner, or GRANT "{roles.owner}" TO "{roles.migrator}".' in text


@pytest.mark.parametrize("name", ["add_unique", "add_foreign_key", "not_null", "remove_unique_field"])
def test_member_of_the_owner_migrates(setting, roles, truth_of, name):
    expected = truth_of(BY_NAME[name])
    setting.run("GRANT {owner} TO {migrator}")
    with setting.migrator() as connection:
        runs.forwards(connection, BY_NAME[name], OUT_OF_SIGHT)
        runs.assert_same(expected.there, runs.found(setting.admin))
        runs.backwards(connection, BY_NAME[name], OUT_OF_SIGHT)
    runs.assert_same(expected.back, runs.found(setting.admin))


def test_owner_of_the_schema_may_drop_the_table(setting):
    setting.run(
        "ALTER SCHEMA b OWNER TO {migrator}", "ALTER TABLE b.item DROP CONSTRAINT item_group_id_2d539e0e_fk_group_id"
    )
    with setting.migrator() as connection:
        runs.forwards(connection, BY_NAME["delete_with_foreign_key_to_it"], OUT_OF_SIGHT)
    assert runs.rows(setting.admin, "SELECT FROM pg_tables WHERE schemaname = 'b' AND tablename = 'group'") == []


def test_foreign_key_to_a_table_without_the_right_to_refer_to_it_leaves_no_column(setting, roles):
    setting.run("ALTER TABLE b.item OWNER TO {migrator}", 'REVOKE REFERENCES ON b."group" FROM PUBLIC')
    text = refused(setting, BY_NAME["add_foreign_key"])
    assert f'The role "{roles.migrator}" may not refer to "b"."group"' in text
    assert f'GRANT REFERENCES ON "b"."group" TO "{roles.migrator}"' in text


def test_right_to_refer_to_the_column_is_enough(setting, truth_of):
    expected = truth_of(BY_NAME["add_foreign_key"])
    setting.run("ALTER TABLE b.item OWNER TO {migrator}", 'REVOKE REFERENCES ON b."group" FROM PUBLIC')
    setting.run('GRANT REFERENCES (id) ON b."group" TO {migrator}')
    with setting.migrator() as connection:
        runs.forwards(connection, BY_NAME["add_foreign_key"], OUT_OF_SIGHT)
    runs.assert_same(expected.there, runs.found(setting.admin))


def test_index_where_the_schema_may_get_nothing_new_leaves_no_column(setting, roles):
    setting.run("ALTER TABLE b.item OWNER TO {migrator}", "REVOKE CREATE ON SCHEMA b FROM PUBLIC")
    text = refused(setting, BY_NAME["add_unique"])
    assert f'GRANT CREATE ON SCHEMA "b" TO "{roles.migrator}"' in text


def test_table_where_the_schema_may_get_nothing_new_names_the_right(setting):
    setting.run("REVOKE CREATE ON SCHEMA a, b, c FROM PUBLIC")
    with setting.migrator(situation=SECOND) as connection, pytest.raises(ProgrammingError) as caught:
        runs.forwards(connection, Case("create", lambda table: [CreateModel("New", [])]), SECOND)
    assert "permission denied for schema" in told(caught.value)
    assert "GRANT CREATE ON SCHEMA" in told(caught.value)
    assert "has to own the table" not in told(caught.value)


def test_column_where_the_schema_may_get_nothing_new(setting, truth_of):
    expected = truth_of(BY_NAME["add_null"])
    setting.run("ALTER TABLE b.item OWNER TO {migrator}", "REVOKE CREATE ON SCHEMA b FROM PUBLIC")
    with setting.migrator() as connection:
        runs.forwards(connection, BY_NAME["add_null"], OUT_OF_SIGHT)
    runs.assert_same(expected.there, runs.found(setting.admin))


@pytest.mark.parametrize("name", ["add_unique", "not_null", "index_off", "delete_with_foreign_key_to_it"])
def test_schema_that_may_not_be_used_is_refused_before_the_first_statement(setting, roles, name):
    setting.run("ALTER TABLE b.item OWNER TO {migrator}", "REVOKE ALL ON SCHEMA b FROM PUBLIC")
    text = refused(setting, BY_NAME[name])
    assert 'may not use the schema "b" of "b".' in text
    assert f'GRANT USAGE ON SCHEMA "b" TO "{roles.migrator}"' in text


@pytest.mark.parametrize("name", ["add_null", "add_unique", "not_null", "remove_unique_field"])
def test_table_in_a_schema_of_the_search_path_that_may_not_be_used_is_not_there_as_for_stock_django(setting, name):
    setting.run("ALTER TABLE b.item OWNER TO {migrator}", "REVOKE ALL ON SCHEMA b FROM PUBLIC")
    before, said = setting.schema(), []
    for engine in (settings.ENGINE, settings.STOCK_ENGINE):
        with setting.migrator(engine, SECOND) as connection, pytest.raises(ProgrammingError) as caught:
            runs.forwards(connection, BY_NAME[name], SECOND)
        said.append(str(caught.value).splitlines()[0])
    assert said == ['relation "item" does not exist'] * 2
    runs.assert_same(before, setting.schema())


def test_namesake_in_a_later_schema_is_migrated_where_the_first_may_not_be_used_as_by_stock_django(make_setting):
    schemas = []
    for engine in (settings.ENGINE, settings.STOCK_ENGINE):
        setting = make_setting()
        setting.run("REVOKE ALL ON SCHEMA b FROM PUBLIC", "CREATE TABLE c.item (id int)")
        setting.run("ALTER TABLE c.item OWNER TO {migrator}")
        with setting.migrator(engine, SECOND) as connection:
            runs.forwards(connection, BY_NAME["add_unique"], SECOND)
        schemas.append([row[1:3] + row[4:] for row in setting.schema() if row[1] in ("b", "c")])
    runs.assert_same(*schemas)


def test_sqlmigrate_needs_no_right(setting):
    setting.run("REVOKE ALL ON SCHEMA b FROM PUBLIC")
    with setting.migrator() as connection:
        script = runs.script(connection, BY_NAME["add_unique"], OUT_OF_SIGHT)
    assert 'CREATE UNIQUE INDEX CONCURRENTLY "item_extra_key" ON "b"."item" ("extra")' in script


def moved(make_setting: Callable[[], Setting], table: str, own: str, name: str) -> list[Any]:
    """The schema after a change of the migrator's table, when one at the other end of a foreign key is out of reach."""
    schemas = []
    for engine in (settings.STOCK_ENGINE, settings.ENGINE):
        setting = make_setting()
        setting.run(f'ALTER TABLE b."{table}" SET SCHEMA d', f'ALTER TABLE b."{own}" OWNER TO {{migrator}}')
        with setting.migrator(engine, SECOND) as connection:
            runs.forwards(connection, BY_NAME[name], SECOND)
        schemas.append([row[1:3] + row[4:] for row in setting.schema() if row[1] in ("b", "d")])
    return schemas


def test_foreign_key_to_a_schema_that_may_not_be_used_goes_with_its_column(make_setting):
    runs.assert_same(*moved(make_setting, "group", "item", "remove_foreign_key"))


def test_foreign_key_from_a_schema_that_may_not_be_used_goes_with_its_target(make_setting):
    runs.assert_same(*moved(make_setting, "item", "group", "delete_with_foreign_key_to_it"))


def test_foreign_key_from_somebody_elses_table_goes_with_its_target(make_setting):
    schemas = []
    for engine in (settings.STOCK_ENGINE, settings.ENGINE):
        setting = make_setting()
        setting.run('ALTER TABLE b."group" OWNER TO {migrator}')
        with setting.migrator(engine, SECOND) as connection:
            runs.forwards(connection, BY_NAME["delete_with_foreign_key_to_it"], SECOND)
        schemas.append([row[1:3] + row[4:] for row in setting.schema() if row[1] == "b"])
    runs.assert_same(*schemas)
