"""The trigger that fills NULL for old code: on tables of every kind, for clients of every kind, and what ends it."""

from __future__ import annotations

from typing import Any

import django
import pytest
from django.db import migrations, models

from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.concurrency.attempts import before_each_statement
from tests.operations.runs import psql

from .conftest import PREFIX, ROWS, TABLES
from .test_contract import leave
from .test_not_null import ID, KEPT, STRICTER, expand, new_code, old_code
from .versions import TYPES, Project

pytestmark = pytest.mark.slow

LOOSE = migrations.AddField("order", "more", models.IntegerField(null=True))
STRICT = migrations.AlterField("order", "more", models.IntegerField(default=5))
OLD = "INSERT INTO shop_order (note, rank, customer_id, more) VALUES ('old', 1, 1, NULL)"
MORE = "SELECT more FROM shop_order WHERE note = 'old' ORDER BY id"
FUNCTION = "SELECT p.proname FROM pg_proc p WHERE p.proname LIKE '%zdm%'"


@pytest.fixture
def loose(project: Project) -> Project:
    project.add(LOOSE)
    project.migrate()
    return project


def expanded(loose: Project) -> Project:
    expand(loose, STRICT)
    return loose


def test_a_script_leaves_the_same(loose: Project, observer: Any, schema: Any) -> None:
    name = loose.add(STRICT)
    script = loose.manage("sqlmigrate", "shop", name).stdout
    assert "-- note NOT_NULL_OWED" in script
    psql(loose.site.database["NAME"], script)
    loose.migrate("--fake")
    run(observer, OLD)
    assert run(observer, MORE) == [(5,)]
    by_script = schema(loose.site_connection)
    assert [x["id"] for x in loose.owed()] == [ID]
    loose.migrate("shop", "0002")
    assert loose.run(KEPT) == []
    loose.migrate()
    assert schema(loose.site_connection) == by_script
    # The remains of the script are not an obstacle while they are not recorded.
    run(observer, f"DELETE FROM django_migrations WHERE name = '{name}'")
    loose.migrate()
    assert schema(loose.site_connection) == by_script
    back = loose.manage("sqlmigrate", "shop", name, "--backwards").stdout
    psql(loose.site.database["NAME"], back)
    assert (loose.run(KEPT), loose.run(TYPES)) == ([], [])


def test_it_is_paid_when_no_old_code_is_seen(loose: Project, observer: Any) -> None:
    loose.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 0
    expanded(loose)
    assert f"Owed still, since old code may use it: {ID} (sessions from before the change" in loose.migrate()
    leave(observer, loose)
    assert f'{ID} is paid: the trigger that fills column "more" of "shop_order" was dropped.' in loose.migrate()
    assert (loose.run(KEPT), loose.run(TYPES)) == ([], [])


@pytest.mark.parametrize("how", ["absent", "off", "alone", "empty", "no default"])
def test_where_there_is_nothing_to_do_it_is_as_from_stock_django(
    loose: Project, stock: Shop, schema: Any, observer: Any, how: str
) -> None:
    strict = STRICT
    if how == "absent":
        loose.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    elif how == "off":
        loose.settings[f"{PREFIX}_EXPAND_CONTRACT"] = False
    elif how == "alone":
        leave(observer, loose)
    elif how == "empty":
        loose.run("TRUNCATE shop_order CASCADE")
    else:
        loose.run("UPDATE shop_order SET more = id")
        strict = migrations.AlterField("order", "more", models.IntegerField())
        loose.add(strict)
        assert "SET_NOT_NULL" in loose.manage("check_migrations").stdout
        loose.migrate()
    if how != "no default":
        loose.add(strict)
        loose.migrate()
    assert (loose.run(TYPES), loose.run(KEPT)) == ([], [])
    stock.migrate(LOOSE)
    stock.run("UPDATE shop_order SET more = id")
    stock.migrate(strict)
    assert schema(loose.site_connection) == schema(stock.connection)


def test_with_a_default_nothing_is_found_against_it(loose: Project) -> None:
    loose.add(STRICT)
    said = loose.manage("check_migrations")
    assert "NOT_NULL_OWED" in said.stdout and "SET_NOT_NULL" not in said.stdout
    assert said.returncode == 0


def test_code_that_does_not_know_the_column_at_all_goes_on(project: Project) -> None:
    project.add(LOOSE)
    expand(project, STRICT)
    project.model(1, "order").create(note="older", rank=1, customer_id=1)
    assert project.new("order").get(note="older").more == 5


@pytest.mark.parametrize("name", ["text", "array"])
def test_old_code_notices_nothing_at_any_moment(shop: Shop, observer: Any, settings: Any, name: str) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True
    of = next(x for x in STRICTER if x.name == name)
    shop.migrate(*TABLES, *of.before)
    shop.run(ROWS)

    def attempt() -> None:
        run(observer, f"SET lock_timeout = '1s'; {OLD}; UPDATE shop_order SET more = NULL WHERE id = 1")

    with before_each_statement(shop.connection, attempt) as there:
        shop.migrate(of.operation)
    assert len(there) > 3
    attempt()
    with before_each_statement(shop.connection, attempt):
        shop.unapply()
    attempt()
    assert (shop.run(TYPES), shop.run(KEPT)) == ([], [])


def test_a_client_decides_nothing_of_what_it_does(loose: Project, observer: Any) -> None:
    expanded(loose)
    run(
        observer,
        "CREATE ROLE writer; GRANT INSERT, SELECT, UPDATE ON shop_order TO writer; GRANT USAGE ON SEQUENCE "
        "shop_order_id_seq TO writer; CREATE TEMP TABLE trap (a int); CREATE FUNCTION pg_temp.nextval(regclass) "
        "RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE ''trap''; END'; GRANT writer TO CURRENT_USER",
    )
    try:
        run(
            observer,
            f"SET ROLE writer; SET search_path TO pg_temp, public; SET standard_conforming_strings TO off; {OLD}",
        )
        run(observer, f"RESET ROLE; SET session_replication_role TO replica; {OLD}; RESET session_replication_role")
        assert run(observer, MORE) == [(5,), (5,)]
        [(function,)] = run(observer, FUNCTION)
        may = f"SELECT has_function_privilege('writer', 'public.\"{function}\"()', 'EXECUTE')"
        assert run(observer, may) == [(False,)]
    finally:
        run(observer, "RESET ROLE; DROP OWNED BY writer; DROP ROLE writer")


KINDS = {
    "partitioned": (
        "CREATE TABLE shop_part (id bigint NOT NULL, day integer NOT NULL, note integer, PRIMARY KEY (id, day)) "
        "PARTITION BY RANGE (day); CREATE TABLE shop_part_1 PARTITION OF shop_part FOR VALUES FROM (0) TO (10)",
        "shop_part",
        "note",
    ),
    "another schema": (
        'CREATE SCHEMA "A way"; CREATE TABLE "A way".far (id bigint, day int, note int)',
        'A way"."far',
        "note",
    ),
    "names in quotes": (
        'CREATE TABLE "Odd %s Tabl\u00e9" (id bigint, day int, "A \'No\\te" int)'.replace("%s", "'"),
        "Odd ' Tabl\u00e9",
        "A 'No\\te",
    ),
    "long names": (
        f"CREATE TABLE t_{'x' * 61} (id bigint, day int, c_{'y' * 61} int)",
        f"t_{'x' * 61}",
        f"c_{'y' * 61}",
    ),
    "row level security": (
        "CREATE TABLE shop_part (id bigint, day int, note int); ALTER TABLE shop_part ENABLE ROW LEVEL SECURITY",
        "shop_part",
        "note",
    ),
    "generated column": (
        "CREATE TABLE shop_part (id bigint, day int, note int, twice int GENERATED ALWAYS AS (note * 2) STORED)",
        "shop_part",
        "note",
    ),
    "another trigger": (
        "CREATE TABLE shop_part (id bigint, day int, note int); "
        "CREATE FUNCTION sets() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.day = 2 THEN NEW.note := 7; END IF; RETURN NEW; END'; "
        "CREATE TRIGGER pgtrigger_sets BEFORE INSERT OR UPDATE OF day ON shop_part "
        "FOR EACH ROW EXECUTE FUNCTION sets()",
        "shop_part",
        "note",
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_tables_of_every_kind(project: Project, observer: Any, schema: Any, name: str) -> None:
    sql, table, column = KINDS[name]
    note = models.IntegerField(null=True, db_column=column)
    fields = [("id", models.BigIntegerField(primary_key=True)), ("day", models.IntegerField()), ("note", note)]
    part = migrations.CreateModel("part", fields, options={"db_table": table})
    project.add(migrations.SeparateDatabaseAndState([migrations.RunSQL(sql)], [part]))
    project.migrate()
    project.new("part").create(id=1, day=1)
    before = schema(project.site_connection)
    expand(project, migrations.AlterField("part", "note", models.IntegerField(default=5, db_column=column)))
    project.old("part").create(id=2, day=1)
    project.old("part").filter(pk=2).update(note=None)
    project.old("part").create(id=3, day=2)
    wanted = [5, 5, 7 if name == "another trigger" else 5]
    assert list(project.new("part").order_by("id").values_list("note", flat=True)) == wanted
    project.migrate("shop", "0002")
    assert schema(project.site_connection) == before
    project.migrate()
    assert project.manage("contract", "--now", "no old code runs").returncode == 0
    assert project.run(FUNCTION) == []
    assert not any("zdm" in line for line in schema(project.site_connection))


ENUM = "CREATE TYPE mood AS ENUM ('sad', 'happy'); ALTER TABLE shop_order ALTER more TYPE mood USING NULL"


def test_a_type_of_ones_own_takes_its_values(project: Project, observer: Any) -> None:
    project.add(migrations.AddField("order", "more", models.TextField(null=True)))
    project.add(migrations.RunSQL(ENUM))
    project.migrate()
    expand(project, migrations.AlterField("order", "more", models.TextField(default="sad")))
    run(observer, OLD)
    assert run(observer, MORE) == [("sad",)]


RIGHTS = {
    "CREATE ON SCHEMA far": 'GRANT CREATE ON SCHEMA "far" TO',
    "USAGE ON LANGUAGE plpgsql": "GRANT USAGE ON LANGUAGE plpgsql TO",
    "TRIGGER ON far.thing": 'GRANT TRIGGER ON "far"."thing" TO',
}


@pytest.mark.parametrize("right", RIGHTS)
def test_a_role_without_rights_is_told_which_before_anything_is_sent(
    project: Project, observer: Any, schema: Any, right: str
) -> None:
    fields = [("id", models.BigIntegerField(primary_key=True)), ("x", models.IntegerField(null=True))]
    thing = migrations.CreateModel("thing", fields, options={"db_table": 'far"."thing'})
    project.add(migrations.RunSQL("CREATE SCHEMA far"), thing)
    project.migrate()
    project.run("INSERT INTO far.thing VALUES (1)")
    role = f"maker_{run(observer, 'SELECT pg_backend_pid()')[0][0]}"
    database = project.site.database["NAME"]
    run(
        observer,
        f"CREATE ROLE {role} LOGIN; GRANT CREATE, USAGE ON SCHEMA far, public TO {role}; "
        f"ALTER TABLE far.thing OWNER TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; "
        f'GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}; GRANT ALL ON DATABASE "{database}" TO {role}; '
        f"REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC; GRANT USAGE ON LANGUAGE plpgsql TO {role}; "
        f"REVOKE {right} FROM {role}",
    )
    project.site.database["OPTIONS"] = {**project.site.database["OPTIONS"], "options": f"-c role={role}"}
    try:
        project.add(migrations.AlterField("thing", "x", models.IntegerField(default=5)))
        said = project.refused()
        assert f"{RIGHTS[right]} " in said and role in said and "Nothing of this was sent" in said
        assert project.run(TYPES) == []
        run(observer, f"GRANT {right} TO {role}")
        project.migrate()
        assert len(project.run(TYPES)) == 1
    finally:
        run(observer, f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


OF_ONES_OWN = """
from django.db import migrations, models
class Mine(models.Func):
    function = "mine"
    allowed_default = True
class Migration(migrations.Migration):
    dependencies = [("shop", "0002_step")]
    operations = [migrations.AlterField("order", "more", models.IntegerField(db_default=Mine()))]
"""
if django.VERSION >= (5, 0):

    def test_a_default_that_is_not_of_the_server_is_left_to_the_rows_that_are_there(loose: Project) -> None:
        """Its function could not be found from within the trigger."""
        loose.run("CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 3'")
        loose.site.add_text("0003_step", OF_ONES_OWN)
        assert loose.migrate().count("its default, (mine()), names what is not in pg_catalog") == 1
        assert loose.run(KEPT) == [("function",)]
        assert loose.run("SELECT more FROM shop_order") == [(3,), (3,)]
        assert loose.run(TYPES) == []


LATER = {
    "renamed column": migrations.RenameField("order", "more", "much"),
    "renamed table": migrations.AlterModelTable("order", "orders"),
    "another type": migrations.AlterField("order", "more", models.BigIntegerField(default=5)),
}


@pytest.mark.parametrize("name", LATER)
def test_what_it_is_known_by_is_not_changed_before_anything_is_sent(loose: Project, name: str) -> None:
    expanded(loose)
    loose.add(migrations.AddField("order", "last", models.IntegerField(null=True)), LATER[name])
    said = loose.refused()
    assert f'{ID} keeps a trigger that fills NULL of column "more" of "shop_order" for old code' in said
    assert "Nothing has been applied" in said
    assert loose.manage("contract", ID, "--now", "release 41 is gone").returncode == 0
    loose.migrate()


def test_null_that_comes_back_is_written_as_it_is(loose: Project, observer: Any, stock: Shop, schema: Any) -> None:
    expanded(loose)
    again = migrations.AlterField("order", "more", models.IntegerField(null=True))
    loose.add(again)
    loose.migrate()
    assert (loose.run(TYPES), loose.run(KEPT)) == ([], [])
    run(observer, OLD)
    assert run(observer, MORE) == [(None,)]
    stock.migrate(LOOSE)
    stock.migrate(STRICT)
    stock.migrate(again)
    assert schema(loose.site_connection) == schema(stock.connection)


def test_both_in_one_run_and_with_another_type_in_one_operation(project: Project, stock: Shop, schema: Any) -> None:
    changes: list[list[Any]] = [
        [LOOSE],
        [migrations.AlterField("order", "more", models.TextField(default="x"))],
        [migrations.AlterField("order", "more", models.TextField(null=True))],
        [migrations.AlterField("order", "more", models.TextField(default="y"))],
    ]
    for operations in changes:
        project.add(*operations)
        stock.migrate(*operations)
    project.migrate()
    assert [x["id"] for x in project.owed()] == ["shop.0005_step:0"]
    project.model(1, "order").create(note="older", rank=1, customer_id=1)
    assert project.new("order").get(note="older").more == "y"
    assert project.manage("contract", "--now", "no old code runs").returncode == 0
    assert schema(project.site_connection) == schema(stock.connection)


@pytest.mark.parametrize("online", [False, True])
def test_a_type_that_changes_with_it_is_taken_back(loose: Project, schema: Any, online: bool) -> None:
    beginning = schema(loose.site_connection)
    loose.settings[f"{PREFIX}_ONLINE_TYPE_CHANGES"] = online
    loose.add(migrations.AlterField("order", "more", models.BigIntegerField(default=5)))
    loose.migrate()
    assert len(loose.run(TYPES)) == 1
    loose.run(OLD)
    loose.migrate("shop", "0002")
    assert loose.run(MORE) == [(5,)]
    assert (loose.run(TYPES), loose.run(KEPT)) == ([], [])
    assert sorted(schema(loose.site_connection)) == sorted(beginning)


GOES: dict[str, Any] = {"field": migrations.RemoveField("order", "more"), "model": migrations.DeleteModel("order")}


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("name", GOES)
def test_what_is_removed_takes_it_along(loose: Project, stock: Shop, schema: Any, name: str, at_once: bool) -> None:
    expanded(loose)
    removal = GOES[name]
    loose.add(migrations.SeparateDatabaseAndState([removal], [removal]) if at_once else removal)
    loose.migrate()
    assert len(loose.run(TYPES)) == (0 if at_once else 1 if name == "field" else 2)
    assert loose.manage("contract", "--now", "no old code runs").returncode == 0
    assert (loose.run(TYPES), loose.run(KEPT)) == ([], [])
    for operation in (LOOSE, STRICT, removal):
        stock.migrate(operation)
    assert schema(loose.site_connection) == schema(stock.connection)


def test_both_versions_work_without_a_journal(project: Project) -> None:
    project.settings[f"{PREFIX}_IDEMPOTENT_SQL"] = False
    of = STRICTER[0]
    project.add(*of.before)
    project.migrate()
    expand(project, of.operation)
    old_code(project, of)
    new_code(project, of)
    project.migrate("shop", "0002")
    assert (project.run(TYPES), project.run(KEPT)) == ([], [])
