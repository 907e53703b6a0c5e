"""The drop of what is owed: when it happens, which command does it, and what is logged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.operations import SafetyAssured
from tests.backends.project import Shop
from tests.backends.sessions import role_without_rights, run, wait_until

from .conftest import PREFIX, TABLES
from .versions import TYPES, Project

NOTE = migrations.RemoveField("order", "note")
MODEL = migrations.DeleteModel("order")
ID = "shop.0002_step:0"


def remove(project: Project, *operations: Any) -> None:
    project.add(*(operations or (NOTE,)))
    project.migrate()
    assert len(project.run(TYPES)) == len(operations or (NOTE,))


def has_note(project: Project) -> bool:
    return "note" in project.columns("shop_order")


def leave(observer: Any, project: Project) -> None:
    """End the old code's session, and wait until the server has noticed."""
    observer.close()
    rest = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    # The only remaining session of a project is the asking one, which belongs to the new code.
    project.run("SELECT pg_stat_clear_snapshot()")
    wait_until(lambda: project.run(rest) == [], "the session is gone")
    project.disconnect()


def test_the_next_migrate_drops_it_when_the_old_session_is_gone_and_it_was_quiet(
    project: Project, observer: Any
) -> None:
    project.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 0
    remove(project)
    said = project.migrate()
    assert f"Owed still, since old code may use it: {ID} (sessions from before the change are there:" in said
    assert has_note(project)

    leave(observer, project)
    assert f'{ID} is paid: column "note" of "shop_order" was dropped.' in project.migrate()
    assert not has_note(project)
    assert project.run(TYPES) == []


def test_the_quiet_time_is_waited_for(project: Project, observer: Any) -> None:
    remove(project)
    leave(observer, project)
    left = project.manage("contract")
    assert left.returncode == 3
    assert f'{ID}: column "note" of "shop_order", owed for ' in left.stdout
    assert "nothing of old code was seen for" in left.stdout and "sessions" not in left.stdout
    assert has_note(project)
    project.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 1
    assert project.manage("contract").returncode == 0
    assert not has_note(project)
    assert project.manage("contract").stdout == "Nothing is owed.\n"


def test_a_table_that_is_still_used_stays(project: Project, observer: Any) -> None:
    project.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 0
    remove(project, MODEL)
    leave(observer, project)
    project.run("SELECT count(*) FROM shop_order")
    project.disconnect()

    def used() -> bool:
        return "the table was used since the last look" in str(project.owed())

    wait_until(used, "the server has counted it")
    assert project.manage("contract").returncode == 3
    wait_until(lambda: project.manage("contract").returncode == 0, "nobody uses it")
    assert project.run("SELECT to_regclass('shop_order')::text") == [(None,)]


def test_what_is_owed_stops_no_other_migration(project: Project) -> None:
    remove(project)
    project.add(migrations.AddField("order", "more", models.IntegerField(null=True)))
    project.add(migrations.AlterField("order", "rank", models.BigIntegerField(default=7)))
    said = project.migrate()
    assert said.count("Owed still") == 1
    assert project.columns("shop_order")[-1] == "more"
    assert has_note(project)


@pytest.mark.parametrize("how", ["setting", "environment", "assured", "state", "off"])
def test_where_no_old_code_is_it_goes_at_once(
    project: Project, stock: Shop, schema: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    removal: Any = NOTE
    if how == "setting":
        project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    elif how == "environment":
        monkeypatch.setenv(f"{PREFIX}_OLD_CODE", "absent")
    elif how == "assured":
        removal = SafetyAssured([NOTE], reason="no old code runs")
    elif how == "state":
        removal = migrations.SeparateDatabaseAndState([NOTE], [NOTE])
    else:
        project.settings[f"{PREFIX}_EXPAND_CONTRACT"] = False
    project.add(removal)
    project.migrate()
    stock.migrate(NOTE)
    assert schema(project.site_connection) == schema(stock.connection)


def test_where_nobody_else_is_there_it_goes_at_once(project: Project, observer: Any) -> None:
    leave(observer, project)
    project.add(NOTE)
    project.migrate()
    assert not has_note(project)


def test_of_an_empty_table_it_goes_at_once(project: Project) -> None:
    project.run("TRUNCATE shop_order CASCADE")
    project.add(NOTE)
    project.migrate()
    assert not has_note(project)


def test_of_a_table_of_the_same_run_it_goes_at_once(project: Project) -> None:
    project.add(migrations.CreateModel("thing", [("id", models.BigAutoField(primary_key=True)), NUMBER]))
    project.add(migrations.RemoveField("thing", "number"))
    project.migrate()
    assert project.columns("shop_thing") == ["id"]


def test_a_column_of_the_same_run_goes_at_once_and_may_come_again(project: Project, stock: Shop, schema: Any) -> None:
    more = migrations.AddField("order", "more", models.IntegerField(null=True))
    changes: list[list[Any]] = [
        [more],
        [migrations.RenameField("order", "more", "much")],
        [migrations.RemoveField("order", "much")],
        [more, migrations.RemoveField("order", "more"), more],
    ]
    for operations in changes:
        project.add(*operations)
        stock.migrate(*operations)
    project.migrate()
    assert project.run(TYPES) == []
    assert schema(project.site_connection) == schema(stock.connection)


def test_what_goes_from_a_table_of_another_name_stays_as_well(project: Project) -> None:
    """The name is free before the run, and still the table counts as used."""
    assured = SafetyAssured([migrations.AlterModelTable("order", "orders")], reason="its code is stopped")
    project.add(assured)
    project.add(NOTE)
    project.migrate()
    assert "note" in project.columns("orders")
    assert [x["id"] for x in project.owed()] == ["shop.0003_step:0"]


def test_a_column_of_the_same_run_that_a_view_shows_by_then_stops_the_run(project: Project) -> None:
    project.add(migrations.AddField("order", "more", models.IntegerField(null=True)))
    project.add(migrations.AlterModelTable("order", "orders"))
    project.add(migrations.RemoveField("order", "more"))
    said = project.refused()
    assert 'shop.0003_step:0 has given the name "shop_order", "shop_order_friends" to a view' in said
    assert "Nothing has been applied" in said


def test_a_model_with_a_new_table_beside_its_own_stays(project: Project) -> None:
    project.add(migrations.AddField("order", "others", models.ManyToManyField("shop.customer", related_name="+")))
    project.add(MODEL)
    project.migrate()
    [owed] = project.owed()
    assert owed["tables"] == ['"shop_order"', '"shop_order_friends"', '"shop_order_others"']


NUMBER = ("number", models.IntegerField())


def test_a_faked_migrate_and_one_that_goes_back_drop_nothing(project: Project, observer: Any) -> None:
    project.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 0
    remove(project)
    project.add(migrations.AddField("order", "more", models.IntegerField(null=True)))
    leave(observer, project)
    project.migrate("--fake")
    assert has_note(project)
    project.migrate("--fake", "shop", "0002")
    project.migrate("shop", "0001")
    assert has_note(project)
    assert project.run(TYPES) == []


def test_the_list_drops_nothing_and_writes_nothing(project: Project) -> None:
    remove(project)
    seen = project.run("SELECT description FROM pg_description WHERE description LIKE '%quiet%'")
    [owed] = project.owed()
    assert (owed["id"], owed["app"], owed["migration"], owed["operation"]) == (ID, "shop", "0002_step", 0)
    assert (owed["tables"], owed["column"], owed["ready"]) == (['"shop_order"'], "note", False)
    assert "sessions from before the change are there: no application_name, role " in owed["reasons"][0]
    listed = project.manage("contract", "--list")
    assert (listed.returncode, listed.stdout.count("\n")) == (0, 1)
    assert project.run("SELECT description FROM pg_description WHERE description LIKE '%quiet%'") == seen
    assert has_note(project)


def test_bad_input_is_told(project: Project) -> None:
    remove(project)
    assert "Nothing is owed by shop.0009:0. Owed: shop.0002_step:0." in project.refused("contract", "shop.0009:0")
    assert "--now needs a reason" in project.refused("contract", "--now", " ")
    project.settings[f"{PREFIX}_OLD_CODE"] = "gone"
    assert "OLD_CODE = 'gone' is neither of the two" in project.refused("contract")


def test_a_file_that_has_changed_is_not_guessed_at(project: Project) -> None:
    remove(project)
    file = project.site.folder / "shop" / "migrations" / "0002_step.py"
    text = file.read_text()
    file.write_text(text.replace("'note'", "'rank'").replace('"note"', '"rank"'))
    assert "that operation owes something else" in project.refused("contract", "--now", "why not")
    file.unlink()
    assert "no migration of that name is there" in project.refused("contract", "--now", "why not")
    file.write_text(text)
    project.run("DELETE FROM django_migrations WHERE name = '0002_step'")
    assert "its migration is not through" in project.refused("contract", "--now", "why not")
    assert project.columns("shop_order")[1:3] == ["note", "rank"]


def test_what_a_model_has_by_now_is_not_dropped(project: Project) -> None:
    remove(project)
    again = migrations.AddField("order", "note", models.IntegerField(null=True))
    project.add(migrations.SeparateDatabaseAndState(state_operations=[again]))
    project.migrate()
    assert "shop.order has it by now: it is not dropped" in project.refused("contract", "--now", "why not").lower()
    assert has_note(project)


def test_what_is_gone_already_is_only_forgotten(project: Project) -> None:
    remove(project, NOTE, migrations.RemoveField("order", "friends"))
    project.run("ALTER TABLE shop_order DROP COLUMN note CASCADE; DROP TABLE shop_order_friends")
    assert [x["ready"] for x in project.owed()] == [True, True]
    assert project.migrate().count(" was gone already") == 2
    assert project.run(TYPES) == []


def test_a_table_that_goes_takes_what_is_owed_of_its_columns_along(project: Project, observer: Any) -> None:
    remove(project)
    leave(observer, project)
    project.add(MODEL)
    project.migrate()
    project.add(*TABLES[1:])
    project.migrate()
    assert project.run(TYPES) == []
    assert has_note(project)


def test_what_depends_on_it_is_told_and_the_debt_stays(project: Project) -> None:
    remove(project)
    project.run("CREATE VIEW notes AS SELECT note FROM shop_order")
    assert "notes" in project.refused("contract", "--now", "why not")
    assert len(project.run(TYPES)) == 1
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    assert f"{ID} is owed still" in project.migrate()
    project.run("DROP VIEW notes")
    project.migrate()
    assert not has_note(project)


def test_a_debt_of_another_role_is_not_read(project: Project, observer: Any) -> None:
    with role_without_rights(observer) as role:
        remove(project)
        [(name,)] = project.run(TYPES)
        project.run(f"ALTER TYPE {name} OWNER TO {role}")
        said = project.manage("contract").stdout
        assert f"belongs to the role {role}, and is not read" in said
        assert "Nothing is owed." in said
        assert has_note(project)
        project.run(f"DROP TYPE {name}")


def test_without_idempotent_sql_it_is_the_same(project: Project, observer: Any) -> None:
    project.settings |= {f"{PREFIX}_IDEMPOTENT_SQL": False, f"{PREFIX}_CONTRACT_QUIET_TIME": 0}
    remove(project)
    assert "Owed still" in project.migrate()
    project.migrate("shop", "0001")
    assert project.run(TYPES) == []
    project.migrate()
    leave(observer, project)
    assert f"{ID} is paid" in project.migrate()
    assert not has_note(project)


def test_a_check_warns_of_what_is_owed_for_long(project: Project) -> None:
    remove(project)
    assert "W010" not in project.manage("check", "--database", "default").stdout
    [(name,)] = project.run(TYPES)
    [(seen,)] = project.run("SELECT description FROM pg_description WHERE description LIKE '%quiet%'")
    old = json.loads(seen)
    old["since"] -= 8 * 86_400
    project.run(f"COMMENT ON COLUMN {name}.seen IS '{json.dumps(old)}'")
    said = project.manage("check", "--database", "default").stdout
    assert "W010" in said
    assert f'{ID} (column "note" of "shop_order")' in said
    assert "manage.py contract --list" in said


def test_another_engine_leaves_nothing(project: Project) -> None:
    project.site.database["ENGINE"] = "django.db.backends.postgresql"
    assert "has another engine, which leaves nothing" in project.refused("contract")


def test_what_was_taken_back_by_a_run_that_was_killed_at_its_end_is_forgotten_by_the_next(project: Project) -> None:
    remove(project)
    [(name,)] = project.run(TYPES)
    project.run(f"COMMENT ON COLUMN {name}.over IS 'taken back'")
    assert project.owed() == []
    # The removal may not be recorded yet, and then it is taken back once more.
    project.migrate()
    assert len(project.run(TYPES)) == 1
    project.migrate("shop", "0001")
    assert project.run(TYPES) == []
    assert project.run("SELECT attnotnull FROM pg_attribute WHERE attname = 'note'") == [(True,)]


def test_a_debt_of_whose_type_somebody_has_made_something_is_over_all_the_same(project: Project) -> None:
    remove(project, migrations.RemoveField("order", "rank"))
    [(name,)] = project.run(TYPES)
    project.run(f"CREATE TABLE of_somebody (a {name})")
    said = project.manage("contract", "--now", "no old code runs").stdout
    assert "is of something that is owed no more, and stays" in said
    assert project.owed() == []
    project.migrate("shop", "0001")
    assert "rank" in project.columns("shop_order")
    project.migrate()
    assert [x["id"] for x in project.owed()] == [ID]


def test_a_debt_that_cannot_be_kept_is_refused(project: Project, observer: Any) -> None:
    project.settings[f"{PREFIX}_IDEMPOTENT_SQL"] = False
    project.add(NOTE)
    run(
        observer,
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no types here'; END $$;"
        "CREATE EVENT TRIGGER no ON ddl_command_start WHEN TAG IN ('CREATE TYPE') EXECUTE FUNCTION no()",
    )
    said = project.refused()
    assert "that cannot be written down" in said and "no types here" in said and "EXPAND_CONTRACT" in said
    assert has_note(project)
