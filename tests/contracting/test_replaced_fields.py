"""ReplaceField: the old column and the new one follow each other until no old code is seen."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import models
from django.db.models import F, Func, Sum, Value
from django.db.models.functions import Cast, Concat, Substr

from django_zero_downtime_migrations.operations import Contract, Expand, ReplaceField
from tests.backends.project import Shop
from tests.backends.sessions import run

from .conftest import PREFIX
from .test_contract import leave
from .versions import TYPES, Project

pytestmark = pytest.mark.slow

NOW = ("--now", "no old code runs")
TENTHS = ReplaceField(
    "order",
    "rank",
    "tenths",
    models.BigIntegerField(db_index=True),
    forwards=F("rank") * 10,
    backwards=F("tenths") / 10,
)
#: Another type, with a value in the expression that has to be quoted, and unique.
LABEL = ReplaceField(
    "order",
    "code",
    "label",
    models.CharField(max_length=20, unique=True, null=True),
    forwards=Concat(Value("it's 100% "), Cast("code", models.CharField()), output_field=models.CharField()),
    backwards=Cast(Substr("label", 11), models.IntegerField()),
)
BOTH = "SELECT rank, tenths, code, label FROM shop_order WHERE note = %s"


def replace(project: Project, *operations: Any) -> None:
    project.add(*operations)
    said = project.migrate()
    assert "OK" in said and "Warning" not in said
    assert len(project.run(TYPES)) == 2


@pytest.mark.parametrize("how", ["plain", "halves"])
def test_both_versions_see_each_other_until_the_end(
    project: Project, stock: Shop, schema: Any, observer: Any, how: str
) -> None:
    beginning = schema(project.site_connection)
    if how == "halves":
        project.settings[f"{PREFIX}_EXPAND_CONTRACT"] = False
    operations = [TENTHS, LABEL] if how == "plain" else [Expand([TENTHS, LABEL])]
    project.add(*operations)
    for way in ((), ("--all", "--without-database")):
        judged = project.manage("check_migrations", "--fail-on", "warn", *way)
        assert judged.returncode == 0 and "REMOVAL_OWED" in judged.stdout, judged.stdout
    said = project.migrate()
    assert "OK" in said and "Warning" not in said
    assert len(project.run(TYPES)) == 2
    assert project.run(BOTH, "second") == [(2, 20, 2, "it's 100% 2")]
    old, new = project.old("order"), project.new("order")
    made = old.create(note="old", rank=3, code=7, customer_id=1)
    assert (new.get(pk=made.pk).tenths, new.get(pk=made.pk).label) == (30, "it's 100% 7")
    old.filter(pk=made.pk).update(rank=F("rank") + 1)
    assert new.get(pk=made.pk).tenths == 40
    newer = new.create(note="new", tenths=55, label="it's 100% 8", customer_id=1)
    seen = old.get(pk=newer.pk)
    assert (seen.rank, seen.code) == (5, 8)
    seen.save(using=project.alias)
    # Old code has not changed what it has not seen.
    assert new.get(pk=newer.pk).tenths == 55
    # Where both are written, and do not agree, the new one counts.
    project.run("UPDATE shop_order SET rank = 1, tenths = 99 WHERE note = 'new'")
    assert project.run(BOTH, "new") == [(9, 99, 8, "it's 100% 8")]

    project.migrate("shop", "0001")
    assert (schema(project.site_connection), project.run(TYPES)) == (beginning, [])
    assert old.get(note="new").rank == 9
    project.migrate()
    if how == "halves":
        project.add(Contract([TENTHS, LABEL]))
        leave(observer, project)
        project.settings[f"{PREFIX}_CONTRACT_QUIET_TIME"] = 0
        project.migrate()
    assert project.manage("contract", *NOW).returncode == 0
    stock.migrate(TENTHS, LABEL)
    assert (schema(project.site_connection), project.run(TYPES)) == (schema(stock.connection), [])
    if how == "halves":
        project.migrate("shop", "0002")
        project.disconnect()
        assert project.model(1, "order").get(note="new").rank == 9
        assert project.model(1, "order").create(note="late", rank=2, code=20, customer_id=1)
        assert project.run("SELECT tenths, label FROM shop_order WHERE note = 'late'") == [(20, "it's 100% 20")]
    project.migrate("shop", "0001")
    stock.unapply()
    assert schema(project.site_connection) == schema(stock.connection)
    assert project.model(1, "order").get(note="new").rank == 9


def test_random_writers_of_both_versions_agree(project: Project) -> None:
    replace(project, TENTHS, LABEL)
    of, choose = (project.old("order"), project.new("order")), random.Random(1)
    for number in range(150):
        version = choose.randrange(2)
        orders, (rank, code) = of[version], (("rank", "code"), ("tenths", "label"))[version]
        value, key = choose.randrange(50), number + 10
        given: dict[str, Any] = {rank: value, code: f"it's 100% {key}" if version else key}
        if choose.random() < 0.5:
            orders.create(note="random", customer_id=1, **given)
        else:
            orders.filter(pk=choose.choice([x.pk for x in orders.all()])).update(**given)
    rows = project.run("SELECT rank, tenths, code, label FROM shop_order")
    assert len(rows) > 50
    assert [
        x for x in rows if x[0] != x[1] // 10 or (x[3] or "") != ("" if x[2] is None else f"it's 100% {x[2]}")
    ] == []


def test_a_table_that_nobody_uses_gets_the_final_column(
    project: Project, stock: Shop, schema: Any, observer: Any
) -> None:
    leave(observer, project)
    project.settings[f"{PREFIX}_EXPAND_CONTRACT"] = False
    project.settings[f"{PREFIX}_OLD_CODE"] = "absent"
    project.add(TENTHS, LABEL)
    project.migrate()
    stock.migrate(TENTHS, LABEL)
    assert schema(project.site_connection) == schema(stock.connection)
    assert project.run("SELECT tenths, label FROM shop_order ORDER BY id") == [(10, "it's 100% 1"), (20, "it's 100% 2")]
    assert stock.run("SELECT tenths, label FROM shop_order ORDER BY id") == [(10, "it's 100% 1"), (20, "it's 100% 2")]


def refused(project: Project, forwards: Any, backwards: Any) -> str:
    project.add(ReplaceField("order", "rank", "tenths", models.BigIntegerField(), forwards, backwards))
    said = project.refused()
    assert "Nothing" in said and project.columns("shop_order")[-1] == "customer_id"
    return said


@pytest.mark.parametrize(
    ("forwards", "why"),
    [
        (F("customer__name"), "Joined field references are not permitted"),
        (F("code") * 10, "from 'rank' alone: code cannot stand in it"),
        (F("weight"), "Cannot resolve keyword 'weight'"),
        (Sum("rank"), "from 'rank' alone: Sum cannot stand in it"),
    ],
)
def test_an_expression_of_anything_else_is_refused(project: Project, forwards: Any, why: str) -> None:
    said = refused(project, forwards, F("tenths") / 10)
    assert "ReplaceField of shop.order: the value of 'tenths'" in said and why in said


def test_what_the_trigger_would_not_find_is_refused(project: Project, observer: Any) -> None:
    run(observer, "CREATE FUNCTION tenfold(integer) RETURNS bigint LANGUAGE sql AS 'SELECT $1::bigint * 10'")
    tenfold = Func(F("rank"), function="tenfold", output_field=models.BigIntegerField())
    said = refused(project, tenfold, F("tenths") / 10)
    assert "name what is not in pg_catalog" in said


def test_without_the_setting_a_table_in_use_is_refused(project: Project) -> None:
    project.settings[f"{PREFIX}_EXPAND_CONTRACT"] = False
    said = refused(project, F("rank") * 10, F("tenths") / 10)
    assert "Set EXPAND_CONTRACT to True, or put the operation into Expand([...])" in said


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="needs another name for the new field"):
        ReplaceField("order", "rank", "rank", models.TextField(), F("rank"), F("rank"))
    with pytest.raises(ValueError, match=r"needs expressions for both ways.*backwards=F\('tenths'\) / 100"):
        ReplaceField("order", "rank", "tenths", models.BigIntegerField(), F("rank"), None)
    with pytest.raises(ValueError, match="it can be no primary key"):
        ReplaceField("order", "rank", "tenths", models.BigIntegerField(primary_key=True), F("rank"), F("tenths"))


FUNCTIONS = """
SELECT tgfoid::regprocedure::text FROM pg_trigger WHERE tgrelid = 'shop_order'::regclass AND NOT tgisinternal ORDER BY 1
"""


def test_a_role_that_may_only_insert_keeps_the_columns_equal(project: Project) -> None:
    """Such a role has no right to the function, which runs with its owner's."""
    replace(project, TENTHS, LABEL)
    [[name]] = project.run("SELECT 'role_of_' || current_database()")
    project.run(f"CREATE ROLE {name}; GRANT INSERT ON shop_order TO {name}; GRANT USAGE ON shop_order_id_seq TO {name}")
    try:
        project.run(f"SET ROLE {name}")
        project.run("INSERT INTO shop_order (note, rank, code, customer_id) VALUES ('theirs', 9, 9, 1)")
        project.run("RESET ROLE")
        assert project.run(BOTH, "theirs") == [(9, 90, 9, "it's 100% 9")]
        for (function,) in project.run(FUNCTIONS):
            assert project.run("SELECT has_function_privilege(%s, %s, 'EXECUTE')", name, function) == [(False,)]
    finally:
        project.run(f"RESET ROLE; DROP OWNED BY {name}; DROP ROLE {name}")


def test_what_was_dropped_by_hand_is_owed_no_more(project: Project, stock: Shop, schema: Any) -> None:
    replace(project, TENTHS, LABEL)
    for (function,) in project.run(FUNCTIONS):
        project.run(f"DROP FUNCTION {function} CASCADE")
    project.run("ALTER TABLE shop_order DROP COLUMN rank")
    done = project.manage("contract", *NOW)
    assert (done.returncode, project.run(TYPES)) == (0, []), done.stdout
    stock.migrate(TENTHS)
    stock.migrate(LABEL)
    assert schema(project.site_connection) == schema(stock.connection)


def test_taken_back_when_the_trigger_was_dropped_by_hand(project: Project, schema: Any) -> None:
    beginning = schema(project.site_connection)
    replace(project, TENTHS, LABEL)
    for (function,) in project.run(FUNCTIONS):
        project.run(f"DROP FUNCTION {function} CASCADE")
    project.migrate("shop", "0001")
    assert (schema(project.site_connection), project.run(TYPES)) == (beginning, [])
