"""Old code's writes into a removed column, or of NULL, are counted; new code's writes are not."""

from __future__ import annotations

from typing import Any

import django
import pytest
from django.db import migrations, models

from tests.backends.project import Shop
from tests.backends.sessions import run

from .conftest import PREFIX
from .test_contract import ID, NOTE, has_note, leave, remove
from .test_fills import LOOSE, OLD, STRICT
from .test_not_null import KEPT, expand
from .test_two_versions import new_order, old_order
from .versions import TYPES, Project

pytestmark = pytest.mark.slow

SEQUENCES = "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'S' AND relname LIKE '%zdm%' ORDER BY 1"


def written(project: Project) -> list[int]:
    """Return the values of all counters."""
    names = [name for (name,) in project.run(SEQUENCES)]
    return [
        value if called else 0
        for name in names
        for value, called in project.run(f"SELECT last_value, is_called FROM {name}")
    ]


def test_what_old_code_does_through_the_orm_is_counted_and_what_new_code_does_is_not(project: Project) -> None:
    remove(project)
    assert written(project) == [0]
    made = new_order(project.new)
    made.rank = 9
    made.save(using=project.alias)
    model = project.new("order").model
    project.new("order").bulk_create([model(rank=1, customer_id=1) for _ in range(3)])
    project.new("order").bulk_create(
        [model(rank=1, customer_id=1, code=1)], update_conflicts=True, unique_fields=["code"], update_fields=["rank"]
    )
    project.new("order").update(rank=models.F("rank") + 1)
    project.new("order").filter(pk=made.pk).delete()
    assert list(project.old("order").values("note"))
    project.old("order").filter(pk=2).update(rank=1)
    assert written(project) == [0]

    made = old_order(project.old)
    assert written(project) == [1]
    made.save(using=project.alias)
    assert written(project) == [2]
    project.old("order").filter(pk=0).update(note="x")
    assert written(project) == [3]
    model = project.old("order").model
    project.old("order").bulk_create([model(note="many", customer_id=1) for _ in range(2)])
    assert written(project) == [5]


def test_the_quiet_time_begins_anew_when_it_has_moved_and_the_reason_says_so(project: Project, observer: Any) -> None:
    """Each request has a session of its own here: none is older than the change."""
    project.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 0
    remove(project)
    leave(observer, project)
    for _ in range(2):
        project.run("INSERT INTO shop_order (note, rank, customer_id) VALUES ('old', 1, 1), ('old', 1, 1)")
        project.disconnect()
        said = project.migrate()
        assert f"{ID} (old code wrote the column 2 times since the last look, " in said
        assert has_note(project)
    project.run("INSERT INTO shop_order (rank, customer_id) VALUES (1, 1)")
    project.disconnect()
    assert f"{ID} is paid" in project.migrate()
    assert (project.run(KEPT), project.run(TYPES)) == ([], [])


def test_what_is_written_as_null_is_counted(project: Project, observer: Any) -> None:
    project.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 0
    project.add(LOOSE)
    project.migrate()
    expand(project, STRICT)
    leave(observer, project)
    project.new("order").create(note="new", customer_id=1, more=3)
    assert written(project) == [0]
    project.run(OLD)
    project.run("UPDATE shop_order SET more = NULL")
    assert written(project) == [5]
    project.disconnect()
    assert "old code wrote the column 5 times" in project.migrate()
    assert "shop.0003_step:0 is paid" in project.migrate()
    assert (project.run(KEPT), project.run(TYPES)) == ([], [])


@pytest.mark.parametrize("how", ["fell", "gone"])
def test_a_counter_that_fell_or_went_begins_the_time_anew_and_no_client_sees_it(
    project: Project, observer: Any, how: str
) -> None:
    project.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 0
    remove(project)
    leave(observer, project)
    project.run("UPDATE shop_order SET note = 'x'")
    project.disconnect()
    project.migrate()
    [(sequence,)] = project.run(SEQUENCES)
    project.run(f"ALTER SEQUENCE {sequence} RESTART" if how == "fell" else f"DROP SEQUENCE {sequence}")
    project.run("SELECT 1 FROM shop_order" if how == "fell" else "UPDATE shop_order SET note = 'y'")
    project.disconnect()
    assert "the counter of what old code writes was reset or taken away" in project.migrate()
    assert "is paid" in project.migrate()
    assert (project.run(KEPT), project.run(TYPES)) == ([], [])


def test_a_column_with_a_default_of_the_database_is_counted_by_updates_alone(project: Project) -> None:
    project.run("ALTER TABLE shop_order ALTER note SET DEFAULT 'by hand'")
    remove(project)
    new_order(project.new)
    old_order(project.old)
    assert written(project) == [0]
    project.old("order").update(note="x")
    assert written(project) == [1]


if django.VERSION >= (5, 0):

    def test_a_generated_column_has_no_counter(project: Project) -> None:
        twice = models.GeneratedField(
            expression=models.F("rank") * 2, output_field=models.IntegerField(), db_persist=True
        )
        project.add(migrations.AddField("order", "twice", twice))
        project.migrate()
        remove(project, migrations.RemoveField("order", "twice"))
        assert project.run(KEPT) == []


def test_the_column_of_a_partitioned_table_is_counted_in_each_part(project: Project) -> None:
    sql = (
        "CREATE TABLE shop_part (id bigint, day integer, note integer) PARTITION BY LIST (day);"
        "CREATE TABLE shop_part_1 PARTITION OF shop_part FOR VALUES IN (1);"
        "CREATE TABLE shop_part_2 PARTITION OF shop_part FOR VALUES IN (2); INSERT INTO shop_part VALUES (1, 1, 1)"
    )
    fields: list[Any] = [
        ("id", models.BigIntegerField(primary_key=True)),
        ("day", models.IntegerField()),
        ("note", models.IntegerField(null=True)),
    ]
    project.add(migrations.SeparateDatabaseAndState([migrations.RunSQL(sql)], [migrations.CreateModel("part", fields)]))
    project.migrate()
    remove(project, migrations.RemoveField("part", "note"))
    project.old("part").bulk_create([project.old("part").model(id=n, day=n, note=n) for n in (1, 2)])
    project.new("part").create(id=3, day=2)
    project.old("part").update(note=4)
    assert written(project) == [3]
    assert project.manage("contract", "--now", "no old code runs").returncode == 0
    assert project.run(KEPT) == []


def test_a_writer_needs_no_right_to_it_and_has_none(project: Project, observer: Any) -> None:
    remove(project)
    [(sequence,)] = project.run(SEQUENCES)
    run(
        observer,
        "CREATE ROLE writer; GRANT INSERT, SELECT, UPDATE ON shop_order TO writer; GRANT writer TO CURRENT_USER",
    )
    run(
        observer,
        "CREATE SCHEMA trap; CREATE FUNCTION trap.nextval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 1/0'",
    )
    try:
        run(observer, "SET ROLE writer; SET search_path TO trap, public, pg_catalog")
        run(observer, "UPDATE shop_order SET note = 'x'")
        assert run(observer, f"SELECT has_sequence_privilege('{sequence}', 'USAGE, SELECT, UPDATE')") == [(False,)]
    finally:
        run(observer, "RESET ROLE; RESET search_path; DROP OWNED BY writer; DROP ROLE writer")
    assert written(project) == [1]


def test_it_is_not_published(project: Project, observer: Any) -> None:
    run(observer, "CREATE PUBLICATION everything FOR ALL TABLES")
    remove(project)
    published = [name for (name,) in run(observer, "SELECT tablename FROM pg_publication_tables")]
    assert "shop_order" in published
    assert not [name for name in published if "zdm" in name]


def test_without_the_rights_a_removal_has_no_counter(project: Project, observer: Any) -> None:
    run(observer, "REVOKE TRIGGER ON shop_order FROM CURRENT_USER; REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC")
    role = f"maker_{run(observer, 'SELECT pg_backend_pid()')[0][0]}"
    database = project.site.database["NAME"]
    run(
        observer,
        f'CREATE ROLE {role}; GRANT ALL ON DATABASE "{database}" TO {role}; GRANT ALL ON SCHEMA public TO {role}; '
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}; "
        f"ALTER TABLE shop_order OWNER TO {role}",
    )
    options = project.site.database["OPTIONS"]
    project.site.database["OPTIONS"] = {**options, "options": f"-c role={role}"}
    try:
        project.add(NOTE)
        assert "Nothing counts" not in project.manage("check_migrations").stdout
        said = project.migrate()
        assert 'Nothing counts what old code writes into note of "shop_order". ' in said
        assert f"GRANT USAGE ON LANGUAGE plpgsql TO {role}" in said.replace('"', "")
        assert (len(project.run(TYPES)), project.run(KEPT)) == (1, [])
        assert project.manage("contract", "--now", "no old code runs").returncode == 0
    finally:
        run(observer, f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_with_the_setting_off_by_then_it_goes_along_all_the_same(
    project: Project, stock: Shop, schema: Any, observer: Any
) -> None:
    remove(project)
    project.settings[f"{PREFIX}_EXPAND_CONTRACT"] = False
    assert project.manage("contract", "--now", "no old code runs").returncode == 0
    assert (project.run(KEPT), project.run(TYPES)) == ([], [])
    stock.migrate(NOTE)
    assert schema(project.site_connection) == schema(stock.connection)


@pytest.mark.parametrize("what", ["column", "table"])
def test_what_somebody_drops_by_hand_leaves_nothing(project: Project, what: str) -> None:
    remove(project)
    project.run("DROP TABLE shop_order CASCADE" if what == "table" else "ALTER TABLE shop_order DROP note CASCADE")
    assert project.manage("contract").returncode == 0
    assert (project.run(KEPT), project.run(TYPES)) == ([], [])


@pytest.mark.parametrize("how", ["removed", "filled", "default"])
def test_with_the_setting_off_and_without_a_journal_the_way_back_finds_what_is_owed(
    project: Project, schema: Any, how: str
) -> None:
    project.add(LOOSE)
    project.migrate()
    beginning = schema(project.site_connection)
    more = migrations.AddField("order", "last", models.IntegerField(default=3))
    expand(project, {"removed": NOTE, "filled": STRICT, "default": more}[how])
    project.settings |= {f"{PREFIX}_EXPAND_CONTRACT": False, f"{PREFIX}_IDEMPOTENT_SQL": False}
    project.migrate("shop", "0002")
    assert schema(project.site_connection) == beginning
    assert (project.run(KEPT), project.run(TYPES)) == ([], [])
