"""Renamed columns of tables of every kind, and the roles that may read and write them meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from django.db import DatabaseError, connections, migrations, models
from django.db.migrations.operations.base import Operation

from tests.backends.project import Shop
from tests.backends.sessions import role_without_rights, run

from .conftest import PREFIX
from .test_tables import LONG, MADE_BY_HAND, PARTS, table
from .versions import TYPES, Project

pytestmark = pytest.mark.slow

NOTE = migrations.RenameField("order", "note", "remark")
ID = "shop.0002_step:0"


class Kind(NamedTuple):
    """A kind of rename.

    :param rows: SQL of old code, which new code can also send.
    :param new: SQL that only new code sends.
    """

    name: str
    before: Sequence[Operation]
    rows: str
    rename: Operation
    new: str

    def __str__(self) -> str:
        return self.name


KINDS = [
    Kind(
        "partitioned",
        [MADE_BY_HAND],
        PARTS,
        migrations.RenameField("part", "note", "remark"),
        "UPDATE shop_part SET remark = 3, day = 12 WHERE day = 1",
    ),
    Kind(
        "partition key",
        [MADE_BY_HAND],
        PARTS,
        migrations.RenameField("part", "day", "month"),
        "UPDATE shop_part SET month = 12 WHERE month = 1",
    ),
    Kind(
        "names in quotes",
        [
            table(
                "odd",
                ("note", models.IntegerField()),
                ("A Note", models.IntegerField(default=1)),
                db_table='Odd "" Tablé',
            )
        ],
        'INSERT INTO "Odd "" Tablé" ("note", "A Note") VALUES (1, 2)',
        migrations.RenameField("odd", "note", "Ä Remark"),
        'INSERT INTO "Odd "" Tablé" ("Ä Remark", "A Note") VALUES (1, 2)',
    ),
    Kind(
        "long names",
        [table("long", (f"c_{LONG}", models.IntegerField()), db_table=f"t_{LONG}")],
        f"INSERT INTO t_{LONG} (c_{LONG}) VALUES (1)",
        migrations.RenameField("long", f"c_{LONG}", f"d_{LONG}"),
        f"INSERT INTO t_{LONG} (d_{LONG}) VALUES (1)",
    ),
    Kind(
        "another schema",
        [
            migrations.RunSQL("CREATE SCHEMA away", "DROP SCHEMA away"),
            table("far", ("note", models.IntegerField(null=True)), db_table='away"."far'),
        ],
        "INSERT INTO away.far (note) VALUES (1)",
        migrations.RenameField("far", "note", "remark"),
        "INSERT INTO away.far (remark) VALUES (1)",
    ),
    Kind(
        "self-reference",
        [table("node", ("up", models.ForeignKey("shop.node", models.CASCADE, related_name="+")))],
        "INSERT INTO shop_node (id, up_id) SELECT n + 1, n + 1 FROM (SELECT count(*) AS n FROM shop_node) x",
        migrations.RenameField("node", "up", "parent"),
        "UPDATE shop_node SET parent_id = 1",
    ),
    Kind(
        "primary key",
        [table("key", ("note", models.IntegerField()))],
        "INSERT INTO shop_key (note) VALUES (1)",
        migrations.RenameField("key", "id", "number"),
        "INSERT INTO shop_key (number, note) VALUES (DEFAULT, 1)",
    ),
]


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest, project: Project, stock: Shop, observer: Any) -> Kind:
    found: Kind = request.param
    project.add(*found.before)
    project.migrate()
    stock.migrate(*found.before)
    run(observer, found.rows)
    stock.run(found.rows)
    return found


def test_it_has_both_names_and_ends_as_with_stock_django(
    kind: Kind, project: Project, stock: Shop, schema: Any
) -> None:
    project.add(kind.rename)
    project.migrate()
    assert len(project.run(TYPES)) == 1
    project.run(kind.rows)
    project.run(kind.new)
    assert len(project.owed()) == 1
    paid = project.manage("contract", "--now", "no old code runs")
    assert paid.returncode == 0, paid.stdout
    project.run(kind.new)
    stock.migrate(kind.rename)
    assert schema(project.site_connection) == schema(stock.connection)


def test_it_comes_back(kind: Kind, project: Project, schema: Any) -> None:
    beginning = schema(project.site_connection)
    project.add(kind.rename)
    project.migrate()
    assert schema(project.site_connection) != beginning
    project.migrate("shop", "0002")
    assert schema(project.site_connection) == beginning
    assert project.run(TYPES) == []


RIGHTS = """
SELECT string_agg(a.attname || a.attacl::text, ' '), c.relacl::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.oid = 'shop_order'::regclass GROUP BY c.relacl::text
"""


def test_who_may_do_what_stays_the_same(project: Project, observer: Any) -> None:
    with role_without_rights(observer) as reader:
        run(observer, f"GRANT SELECT (id, note), UPDATE (note) ON shop_order TO {reader}")
        run(observer, f"ALTER DEFAULT PRIVILEGES GRANT DELETE ON TABLES TO {reader}")
        project.add(NOTE)
        project.migrate()
        update = "UPDATE shop_order SET note = 'x' WHERE remark = 'first'"
        for allowed in ("SELECT id, note, remark FROM shop_order", update):
            run(observer, f"SET ROLE {reader}; {allowed}; RESET ROLE")
        for refused in ("SELECT rank FROM shop_order", "DELETE FROM shop_order", "UPDATE shop_order SET rank = 1"):
            with pytest.raises(Exception, match="permission denied"):
                run(observer, f"SET ROLE {reader}; {refused}")
            run(observer, "RESET ROLE")
        run(observer, f"ALTER DEFAULT PRIVILEGES REVOKE DELETE ON TABLES FROM {reader}")
        # A change under the name of the table counts for the table.
        run(observer, f"GRANT SELECT (rank), DELETE ON shop_order TO {reader}")
        run(observer, f"REVOKE UPDATE (note, remark) ON shop_order FROM {reader}")
        assert project.manage("contract", "--now", "x").returncode == 0
        [(columns, table)] = run(observer, RIGHTS)
        assert columns.count(f"{reader}=r/") == 3 and columns.count(reader) == 3
        assert f"{reader}=d/" in table
        run(observer, f"REVOKE ALL ON shop_order FROM {reader}")


AGAINST = {
    "publication": ("CREATE PUBLICATION tells FOR TABLE shop_order", "publication tells has it"),
    "publication of all": ("CREATE PUBLICATION tells FOR ALL TABLES", "publication tells has it"),
    "trigger": (
        "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE NOTICE ''%%'', TG_TABLE_NAME; RETURN NULL; END'; "
        "CREATE TRIGGER audits AFTER INSERT ON shop_order FOR EACH ROW EXECUTE FUNCTION audit()",
        "trigger audits calls audit(), which goes by the name of its table",
    ),
    "the name": (
        "CREATE TABLE shop_order_82cbd667_zdm_renamed ()",
        'there is a "shop_order_82cbd667_zdm_renamed" already',
    ),
}


@pytest.mark.parametrize("name", AGAINST)
def test_what_would_not_work_with_a_view_is_refused_with_its_name(project: Project, observer: Any, name: str) -> None:
    sql, why = AGAINST[name]
    run(observer, sql.replace("%%", "%"))
    project.add(NOTE)
    said = project.refused()
    assert "gives the name" in said and why in said and "Nothing has been applied" in said
    assert "CANNOT_MIGRATE" in project.manage("check_migrations").stdout
    assert "note" in project.columns("shop_order")
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    project.migrate()


def test_row_security_applies_or_the_rename_is_refused(project: Project, observer: Any, server_major: int) -> None:
    with role_without_rights(observer) as reader:
        run(observer, f"GRANT SELECT ON shop_order TO {reader}; ALTER TABLE shop_order ENABLE ROW LEVEL SECURITY")
        run(observer, f"CREATE POLICY mine ON shop_order TO {reader} USING (note = 'first')")
        project.add(NOTE)
        if server_major < 15:
            assert "row security" in project.refused()
        else:
            project.migrate()
            run(observer, f"SET ROLE {reader}")
            assert run(observer, "SELECT remark, note FROM shop_order") == [("first", "first")]
            run(observer, "RESET ROLE")
            assert project.manage("contract", "--now", "x").returncode == 0
        run(observer, f"DROP POLICY mine ON shop_order; REVOKE ALL ON shop_order FROM {reader}")


BEHIND = {
    "column": [migrations.AddField("order", "more", models.IntegerField(null=True))],
    "type": [migrations.AlterField("order", "rank", models.BigIntegerField(default=7))],
    "index": [migrations.AddIndex("order", models.Index(fields=["rank"], name="ranks"))],
    "the column": [migrations.RenameField("order", "remark", "comment")],
    "the name": [migrations.RenameField("order", "rank", "note")],
    "table": [migrations.AlterModelTable("order", "orders")],
    "foreign key": [
        migrations.AddField("customer", "last", models.ForeignKey("shop.order", models.CASCADE, null=True))
    ],
    "new table": [migrations.CreateModel("line", [("order", models.ForeignKey("shop.order", models.CASCADE))])],
}


@pytest.mark.parametrize("name", BEHIND)
def test_what_needs_the_table_is_refused_before_anything_is_sent(project: Project, name: str) -> None:
    project.add(NOTE)
    project.migrate()
    project.add(migrations.AddField("customer", "more", models.IntegerField(null=True)))
    project.add(*BEHIND[name])
    said = project.refused()
    assert ID in said or "of a rename that is owed" in said
    assert "Nothing has been applied" in said
    assert "more" not in project.columns("shop_customer")
    assert "CANNOT_MIGRATE" in project.manage("check_migrations").stdout
    assert project.manage("contract", ID, "--now", "release 41 is gone").returncode == 0
    project.migrate()


def test_what_needs_the_table_in_the_same_run_is_refused_as_a_whole(project: Project) -> None:
    project.add(NOTE)
    project.add(*BEHIND["column"])
    said = project.refused()
    assert f"{ID} has given the name" in said and "Nothing has been applied" in said
    assert project.run(TYPES) == []
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    project.migrate()


def test_one_of_two_is_paid_or_taken_back_and_the_other_stays(project: Project, stock: Shop, schema: Any) -> None:
    project.add(NOTE)
    project.add(migrations.RenameField("order", "rank", "points"))
    project.migrate()
    assert project.columns("shop_order")[-2:] == ["note", "rank"]
    project.migrate("shop", "0002")
    assert project.columns("shop_order")[-2:] == ["customer_id", "note"]
    project.migrate()
    assert project.manage("contract", ID, "--now", "x").returncode == 0
    assert project.columns("shop_order")[-2:] == ["customer_id", "rank"]
    assert project.manage("contract", "--now", "x").returncode == 0
    stock.migrate(NOTE, migrations.RenameField("order", "rank", "points"))
    assert schema(project.site_connection) == schema(stock.connection)


def test_a_view_that_somebody_has_made_of_it_is_named(project: Project, observer: Any) -> None:
    project.add(NOTE)
    project.migrate()
    run(observer, "CREATE VIEW theirs AS SELECT note FROM shop_order")
    said = project.manage("contract", "--now", "x")
    assert said.returncode == 1 and "theirs" in said.stdout
    run(observer, "DROP VIEW theirs")
    assert project.manage("contract", "--now", "x").returncode == 0


def test_sequences_are_reset_behind_a_view(project: Project, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True
    project.add(NOTE)
    project.migrate()
    vars(connections[project.alias]).pop("_zero_downtime_migrations_expands", None)
    operations = connections[project.alias].ops
    for release in (1, 2):
        made = project.model(release, "order")
        sent = made.model(id=100 * release, customer_id=1, code=None)
        sent.save(using=project.alias)
        from django.core.management.color import no_style

        [sql] = operations.sequence_reset_sql(no_style(), [made.model])
        assert project.run(sql) == [(100 * release,)]
        assert made.create(customer_id=1).pk == 100 * release + 1


def test_introspection_has_the_table(project: Project) -> None:
    before = connections[project.alias].introspection.table_names()
    project.add(NOTE)
    project.migrate()
    assert connections[project.alias].introspection.table_names() == before


def test_without_the_setting_a_view_cannot_be_grouped_by_its_key(project: Project, settings: Any) -> None:
    """This is why the setting has to be on in the processes of both versions."""
    project.add(NOTE)
    project.migrate()
    counted = project.model(2, "order").annotate(n=models.Count("friends"))
    assert (
        'GROUP BY "shop_order"."id"' in str(counted.query) and "remark" not in str(counted.query).split("GROUP BY")[1]
    )
    with pytest.raises(DatabaseError, match="must appear in the GROUP BY"):
        list(counted)


def test_the_list_says_what_cannot_be_seen(project: Project) -> None:
    project.add(NOTE)
    project.migrate()
    [debt] = json.loads(project.manage("contract", "--json").stdout)["owed"]
    assert (debt["tables"], debt["column"]) == (['"shop_order"'], "note")
    assert "who uses an old name is not counted: only sessions and the time tell" in debt["reasons"]


def test_to_name_every_column_makes_no_other_plan_of_a_table(project: Project) -> None:
    columns = "id, note, rank, code, customer_id"
    plan = project.run(f"EXPLAIN SELECT {columns}, count(*) FROM shop_order GROUP BY {columns}")
    assert plan == project.run(f"EXPLAIN SELECT {columns}, count(*) FROM shop_order GROUP BY id")
    assert "Group Key: id" in str(plan)
