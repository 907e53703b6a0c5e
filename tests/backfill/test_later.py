"""``Backfill(later=True)``: a migration writes down that rows are owed, and ``backfills --run`` changes them."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, migrations, models
from django.db.models import F, Q, Value

from django_zero_downtime_migrations.database_checks import check_owed
from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.batches.position import NAME, Whose, type_of
from django_zero_downtime_migrations.execution.batches.records import Backfills
from django_zero_downtime_migrations.management.commands.backfills import Command
from django_zero_downtime_migrations.operations import Backfill, EnsureBackfilled, SafetyAssured
from tests.backends.project import Shop, Site
from tests.backends.sessions import run, wait_until
from tests.operations.runs import psql

from . import functions
from .conftest import ORDER, ROWS

pytestmark = pytest.mark.slow

LATER = Backfill("Order", {"times": F("times") + 1, "note": Value("done")}, where=~Q(note="done"), later=True)
EACH = Backfill("Order", each=functions.update, where=~Q(note="done"), later=True)
DONE = "SELECT times, note, count(*) FROM shop_order GROUP BY 1, 2"
ALL = [(1, "done", 20_000)]
NOT_DONE = "SELECT count(*) FROM shop_order WHERE note <> 'done'"
TYPES = "SELECT typname FROM pg_type WHERE typname LIKE 'zero\\_downtime%'"
ID = "shop.0002_step:0"


@pytest.fixture
def owing(project: Site, observer: Any) -> Site:
    """A project with a table in use, whose next migration leaves its rows for later."""
    project.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "2s"
    project.settings["INSTALLED_APPS"] = ["shop", "django_zero_downtime_migrations"]
    run(observer, ROWS)
    return project


@pytest.mark.parametrize("operation", [LATER, EACH], ids=["values", "function"])
def test_what_a_migration_leaves_is_done_by_the_command(owing: Site, observer: Any, operation: Backfill) -> None:
    owing.add(operation)
    owing.add(EnsureBackfilled("shop", "0002"), migrations.AddField("order", "last", models.IntegerField(null=True)))

    said = owing.refused()
    assert f"{ID} is owed" in said
    assert f'{ID}: rows of "shop_order" are owed. `manage.py backfills --run` changes them.' in said
    assert "Run manage.py backfills --run" in said
    assert run(observer, "SELECT max(name) FROM django_migrations WHERE app = 'shop'") == [("0002_step",)]
    assert run(observer, "SELECT FROM pg_attribute WHERE attname = 'last'") == []
    assert run(observer, NOT_DONE) == [(20_000,)]
    [found] = json.loads(owing.manage("backfills", "--format", "json").stdout)["backfills"]
    assert (found["id"], found["state"], found["later"], found["table"]) == (ID, "pending", True, '"shop_order"')
    waited = owing.manage("backfills", "--wait", "--timeout", "0")
    assert waited.returncode == 3
    assert f"Still owed: {ID}" in waited.stdout
    assert "W008" in owing.manage("check", "--database", "default").stdout

    done = owing.manage("backfills", "--run")

    assert (done.returncode, done.stdout.split(",")[0]) == (0, f'{ID}: 20000 rows of "shop_order" changed')
    assert run(observer, DONE) == ALL
    assert run(observer, TYPES) == []
    assert owing.manage("backfills", "--wait").returncode == 0
    assert owing.manage("backfills", "--run").stdout == "Nothing is owed.\n"
    owing.migrate()


def test_a_worker_that_is_killed_is_followed_by_another_and_no_row_is_changed_twice(
    owing: Site, observer: Any, other_session: Any
) -> None:
    owing.add(LATER)
    owing.migrate()
    owing.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_BATCH_TIME"] = "1ms"
    run(other_session, "SELECT FROM shop_order WHERE id = 15000 FOR UPDATE")
    worker = owing.start("backfills", "--run")
    wait_until(lambda: run(observer, NOT_DONE) == [(1,)], "all other rows are changed")

    second = owing.manage("backfills", "--run")
    assert second.returncode == 4
    assert f"{ID} is run by pid " in second.stdout
    assert "SELECT pg_terminate_backend(" in second.stdout
    assert owing.manage("backfills").stdout.splitlines()[1].split()[:3] == [ID, '"shop_order"', "running"]

    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    other_session.rollback()
    wait_until(lambda: owing.manage("backfills", "--run").returncode == 0, "the server notices that the worker is gone")
    assert run(observer, DONE) == ALL
    assert run(observer, TYPES) == []


def test_a_worker_waits_while_it_is_paused_and_ends_when_it_is_told(owing: Site, observer: Any) -> None:
    owing.add(LATER)
    owing.migrate()
    owing.manage("backfills", "--pause", ID)
    worker = owing.start("backfills", "--run")
    assert worker.stdout is not None
    assert "paused by `manage.py backfills --pause`" in worker.stdout.readline()
    worker.send_signal(signal.SIGTERM)
    worker.communicate()
    assert run(observer, NOT_DONE) == [(20_000,)]
    owing.manage("backfills", "--resume", ID)
    assert owing.manage("backfills", "--run").returncode == 0
    assert run(observer, DONE) == ALL


def test_what_is_taken_back_is_owed_no_more_wherever_it_stands_in_its_migration(owing: Site, observer: Any) -> None:
    owing.add(LATER, migrations.AddField("order", "last", models.IntegerField(null=True)))
    owing.migrate()
    assert len(run(observer, TYPES)) == 1
    owing.migrate("shop", "0001")
    assert run(observer, TYPES) == []


def test_what_is_abandoned_is_owed_no_more(owing: Site, observer: Any) -> None:
    owing.add(LATER)
    owing.add(EnsureBackfilled("shop", "0002"))
    owing.refused()
    said = owing.manage("backfills", "--abandon", ID).stdout
    assert "The others are not changed any more, and nothing waits for them." in said
    owing.migrate()
    assert run(observer, NOT_DONE) == [(20_000,)]


def test_a_file_that_has_changed_is_not_guessed_at(owing: Site, observer: Any) -> None:
    owing.add(LATER)
    owing.migrate()
    file = owing.folder / "shop" / "migrations" / "0002_step.py"
    text = file.read_text()
    file.write_text(text.replace("later=True", "later=False"))
    assert "that operation is not a Backfill(later=True) any more" in owing.refused("backfills", "--run")
    assert run(observer, NOT_DONE) == [(20_000,)]
    file.write_text(text)
    run(observer, "DELETE FROM django_migrations WHERE name = '0002_step'")
    unready = owing.manage("backfills", "--run")
    assert unready.returncode == 3
    assert f"{ID} is owed, and its migration is not through: run migrate" in unready.stdout
    owing.migrate("--fake")
    run(observer, "ALTER TABLE shop_order RENAME COLUMN note TO remark")
    said = owing.refused("backfills", "--run")
    assert "EnsureBackfilled before the later one would have kept it waiting" in said
    assert "Traceback" not in said


def test_what_is_owed_is_not_overlooked_with_another_search_path(owing: Site, observer: Any) -> None:
    owing.add(LATER)
    owing.migrate()
    run(observer, "CREATE SCHEMA own")
    owing.database["OPTIONS"] = {**owing.database["OPTIONS"], "options": "-c search_path=own,public"}
    said = f'{ID} is owed, and was left while the search_path began with the schema "public"'
    assert said in owing.refused("backfills", "--run")
    assert said in owing.manage("backfills").stdout
    owing.add(EnsureBackfilled("shop", "0002"))
    assert said in owing.refused()


def test_what_belongs_to_another_role_by_now_is_not_overlooked(owing: Site, observer: Any) -> None:
    owing.add(LATER)
    owing.migrate()
    [(name,)] = run(observer, TYPES)
    run(observer, "CREATE ROLE former; GRANT CREATE, USAGE ON SCHEMA public TO former")
    try:
        run(observer, f"ALTER TYPE {name} OWNER TO former")
        owing.add(EnsureBackfilled("shop", "0002"))
        assert f"tells whether {ID} is owed, and belongs to the role former" in owing.refused()
        assert "belongs to the role former, and is not read" in owing.manage("backfills", "--run").stdout
    finally:
        run(observer, "DROP OWNED BY former; DROP ROLE former")
    owing.migrate()


def test_sqlmigrate_prints_what_has_the_same_effect(owing: Site, observer: Any) -> None:
    owing.add(LATER)
    psql(owing.database["NAME"], owing.manage("sqlmigrate", "shop", "0002").stdout)
    owing.migrate("--fake")
    assert owing.manage("backfills", "--run").returncode == 0
    assert run(observer, DONE) == ALL


# In one process


def test_what_others_have_planted_is_not_believed(orders: Shop, caplog: Any) -> None:
    name = type_of(Whose("shop", "0002", 0))
    run(orders.connection, "CREATE ROLE planter; GRANT CREATE, USAGE ON SCHEMA public TO planter; SET ROLE planter")
    try:
        for type_name in (name, f"{NAME}_planted"):
            run(orders.connection, f"CREATE TYPE {type_name} AS (position text, paused text)")
            about = json.dumps({"later": True, "app": "shop", "migration": "0001", "operation": 0, "table": "x"})
            run(orders.connection, f"COMMENT ON TYPE {type_name} IS '{about}'")
        run(orders.connection, "RESET ROLE")
        assert Backfills(orders.connection).owed() == []
        orders.migrate(LATER)
        assert "are changed now, since" in caplog.text
        assert "has its name, and belongs to the role planter" in caplog.text
        assert run(orders.connection, DONE) == ALL
    finally:
        run(orders.connection, "RESET ROLE; DROP OWNED BY planter; DROP ROLE planter")


def test_what_others_make_of_its_type_keeps_nobody_waiting(orders: Shop, caplog: Any) -> None:
    orders.migrate(LATER)
    [name] = owed(orders)
    run(orders.connection, f"CREATE VIEW hangs AS SELECT NULL::{name} IS NULL AS a")
    backfills = Backfills(orders.connection)
    [entry] = backfills.owed()
    assert "view hangs depends on type" in backfills.finish(entry)
    assert Backfills(orders.connection).all() == []
    orders.unapply()
    assert "is owed no more, and" in caplog.text
    orders.migrate(LATER)
    assert [entry.id for entry in Backfills(orders.connection).owed()] == ["shop.0002:0"]


def test_names_may_have_anything_in_them(orders: Shop) -> None:
    fields = [("id", models.BigAutoField(primary_key=True)), ("note", models.TextField(default=""))]
    orders.migrate(migrations.CreateModel("odd", fields, options={"db_table": "odd's Ü\\"}))
    orders.run("INSERT INTO \"odd's Ü\\\" (note) VALUES ('')")
    orders.migrate(Backfill("odd", {"note": Value("\\'x")}, where=Q(note=""), later=True))
    [entry] = Backfills(orders.connection).owed()
    assert (entry.id, entry.table) == ("shop.0003:0", '"odd\'s Ü\\"')
    call_command(Command(), "--abandon", entry.id, database=orders.alias)
    assert owed(orders) == []


def owed(shop: Shop) -> list[str]:
    return [name for (name,) in run(shop.connection, TYPES)]


def test_it_is_owed_exactly_when_the_migration_is_there(orders: Shop) -> None:
    with pytest.raises(DatabaseError):
        orders.migrate(LATER, migrations.RunSQL("SELECT 1 / 0"))
    assert owed(orders) == []
    orders.migrate(LATER)
    assert len(owed(orders)) == 1
    assert [message.id for message in check_owed(databases=[orders.alias])] == ["zero_downtime_migrations.W008"]
    orders.unapply()
    assert owed(orders) == []
    assert check_owed(databases=[orders.alias]) == []


def test_on_tables_without_rows_it_is_done_at_once(shop: Shop) -> None:
    insert = migrations.RunSQL("INSERT INTO shop_order (total, times, note) VALUES (5, 0, '')")
    shop.migrate(ORDER, insert, LATER)
    assert run(shop.connection, DONE) == [(1, "done", 1)]
    run(shop.connection, "DELETE FROM shop_order")
    shop.migrate(LATER)
    assert owed(shop) == []


def test_a_role_that_can_keep_nothing_does_it_at_once(orders: Shop, caplog: Any) -> None:
    run(orders.connection, "CREATE ROLE poor; ALTER TABLE shop_order OWNER TO poor")
    run(orders.connection, "REVOKE CREATE ON SCHEMA public FROM PUBLIC; SET ROLE poor")
    try:
        orders.migrate(LATER)
    finally:
        run(orders.connection, "RESET ROLE; REASSIGN OWNED BY poor TO CURRENT_USER; DROP ROLE poor")
    assert caplog.text.count("the rows of") == 1
    assert "are changed now, since What is left for later is kept as a type in the schema" in caplog.text
    assert run(orders.connection, DONE) == ALL


def test_inside_another_operation_it_is_refused(orders: Shop) -> None:
    with pytest.raises(CannotMigrate, match="stands inside another operation"):
        orders.migrate(SafetyAssured([LATER], reason="?"))
    with pytest.raises(CannotMigrate, match="stands inside another operation"):
        orders.migrate(migrations.SeparateDatabaseAndState([LATER]))


def test_a_migration_that_is_not_there_is_no_reason_to_go_on(owing: Site) -> None:
    owing.add(EnsureBackfilled("shop", "0009"))
    assert "there is not one migration whose name begins so" in owing.refused()


def test_its_place_in_the_file_counts_where_contenttypes_puts_one_before_it(owing: Site, observer: Any) -> None:
    owing.settings["INSTALLED_APPS"] = ["django.contrib.contenttypes", *owing.settings["INSTALLED_APPS"]]
    owing.add(
        migrations.CreateModel("shelf", [("id", models.BigAutoField(primary_key=True))]),
        migrations.RenameModel("shelf", "board"),
        LATER,
    )
    owing.migrate()
    done = owing.manage("backfills", "--run")
    assert (done.returncode, done.stdout.split(",")[0]) == (0, 'shop.0002_step:2: 20000 rows of "shop_order" changed')
    assert run(observer, DONE) == ALL
