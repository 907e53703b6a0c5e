from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.operations import Backfill
from tests.commands.judged import check, codes

from .verbs import assert_finding, assert_safe

BACKFILL = Backfill("book", {"pages": 7}, where=Q(pages=1))
NOT_NULL = migrations.AlterField("book", "pages", models.IntegerField(default=7))
TRIGGER = (
    "CREATE FUNCTION {0}() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN INSERT INTO history VALUES (NEW.id); RETURN NEW; END';"
    "CREATE TRIGGER {0} {1} ON shop_book {2} EXECUTE FUNCTION {0}()"
)
FIRED = {
    "after": ("AFTER UPDATE", "FOR EACH ROW"),
    "before, also for others": ("BEFORE INSERT OR UPDATE", "FOR EACH ROW"),
    "of the column": ("AFTER UPDATE OF pages", "FOR EACH ROW"),
    "under a condition": ("AFTER UPDATE", "FOR EACH ROW WHEN (NEW.pages > 0)"),
}
NOT_FIRED = {
    "of another column": ("AFTER UPDATE OF title", "FOR EACH ROW"),
    "of inserted rows": ("AFTER INSERT OR DELETE", "FOR EACH ROW"),
    "once for a statement": ("AFTER UPDATE", "REFERENCING NEW TABLE AS n FOR EACH STATEMENT"),
}


@pytest.fixture
def history(books):
    books.run("CREATE TABLE history (id bigint)")
    return books


def seen(books):
    return books.run("SELECT count(*) FROM history")[0][0]


@pytest.mark.parametrize("parts", FIRED.values(), ids=FIRED)
def test_trigger_that_a_backfill_fires(history, parts):
    history.run(TRIGGER.format("keeps", *parts))
    found = assert_finding(history, "BACKFILL_FIRES_TRIGGERS", BACKFILL, names=("keeps", '"shop_book"'))
    assert (found.severity, found.lock) == (Severity.WARN, None)
    assert seen(history) == 1


@pytest.mark.parametrize("parts", list(NOT_FIRED.values())[:2], ids=list(NOT_FIRED)[:2])
def test_trigger_that_it_does_not_fire(history, parts):
    history.run(TRIGGER.format("keeps", *parts))
    assert_safe(history, BACKFILL)
    assert seen(history) == 0


def test_trigger_of_a_statement_is_not_fired_for_each_row(history):
    parts = NOT_FIRED["once for a statement"]
    history.run(TRIGGER.format("keeps", *parts).replace("VALUES (NEW.id)", "SELECT count(*) FROM n"))
    assert_safe(history, Backfill("book", {"pages": 7}, where=Q(pages__lt=40)))
    assert 0 < seen(history) < 39


def test_disabled_trigger(history):
    history.run(TRIGGER.format("keeps", *FIRED["after"]))
    history.run("ALTER TABLE shop_book DISABLE TRIGGER keeps")
    assert_safe(history, BACKFILL)
    assert seen(history) == 0


def test_fill_before_not_null(history):
    history.run("UPDATE shop_book SET pages = NULL WHERE id <= 20")
    history.run(TRIGGER.format("keeps", *FIRED["of the column"]))
    assert_finding(history, "BACKFILL_FIRES_TRIGGERS", NOT_NULL, names=("keeps",))
    assert seen(history) == 20


def test_each_trigger_is_named(history):
    for name in ("keeps", "tells"):
        history.run(TRIGGER.format(name, *FIRED["after"]))
    assert_finding(history, "BACKFILL_FIRES_TRIGGERS", BACKFILL, names=("triggers keeps, tells",))


def test_trigger_of_a_partition(history):
    history.run(
        "CREATE TABLE parted (id bigint, pages integer, title varchar(20)) PARTITION BY RANGE (id);"
        "CREATE TABLE part PARTITION OF parted DEFAULT; INSERT INTO parted SELECT * FROM shop_book"
    )
    history.run("DROP TABLE shop_book; ALTER TABLE parted RENAME TO shop_book")
    history.run(TRIGGER.format("keeps", *FIRED["after"]).replace("ON shop_book", "ON part"))
    assert_finding(history, "BACKFILL_FIRES_TRIGGERS", BACKFILL, names=("keeps",))
    assert seen(history) == 1


def test_column_that_has_had_another_name(history):
    history.run(TRIGGER.format("keeps", *FIRED["of the column"]))
    renamed = [migrations.RenameField("book", "pages", "sheets"), Backfill("book", {"sheets": 7}, where=Q(sheets=1))]
    assert codes(check(history, renamed)) == ["ALTER_TABLE_RENAME_COLUMN", "BACKFILL_FIRES_TRIGGERS"]


def test_online_change_of_type_spares_the_triggers(history, settings):
    """The role of the tests may do that; for one that may not the change is refused, and names the trigger."""
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = True
    history.run(TRIGGER.format("keeps", *FIRED["after"]))
    bigger = migrations.AlterField("book", "pages", models.BigIntegerField(null=True))
    assert [finding.code for finding in history.migrate(bigger).findings] == ["ONLINE_TYPE_CHANGE"]
    assert seen(history) == 0
