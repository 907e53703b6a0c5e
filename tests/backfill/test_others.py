"""Interference by another role, an operator or a clock while rows are changed in batches."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.models import Case, F, Q, Value, When

from django_zero_downtime_migrations.errors import BackfillStopped, CannotMigrate
from django_zero_downtime_migrations.execution.batches import pace
from django_zero_downtime_migrations.execution.batches.batch_sql import Update
from django_zero_downtime_migrations.execution.batches.batches import Batches
from django_zero_downtime_migrations.execution.batches.position import Position
from django_zero_downtime_migrations.operations import Backfill
from django_zero_downtime_migrations.settings import MigrationSettings
from tests.backends.project import Shop, Site
from tests.backends.sessions import run

from .conftest import ROWS

pytestmark = pytest.mark.slow

ONCE = Update("shop_order", "times = times + 1, note = 'done'", "note <> 'done'", ["id"])
SHORT = MigrationSettings(backfill_batch_time=2, backfill_load=1.0, backfill_vacuum_every=0.0)
DONE = "SELECT times, note, count(*) FROM shop_order GROUP BY 1, 2"
ALL = [(1, "done", 20_000)]
TYPES = "SELECT typname FROM pg_type WHERE typname LIKE 'zero\\_downtime%'"


@pytest.mark.parametrize(
    "planted",
    [
        "CREATE SEQUENCE {}",
        "CREATE TABLE {} (a int)",
        "CREATE INDEX {} ON shop_order (times)",
        "CREATE DOMAIN {} AS int",
        "CREATE TYPE {} AS (position text)",
    ],
)
def test_what_has_the_name_of_the_position_stops_nothing(orders: Shop, planted: str) -> None:
    name = Position(orders.connection, ONCE).type_name
    run(orders.connection, "CREATE ROLE planter; GRANT CREATE, USAGE ON SCHEMA public TO planter")
    try:
        run(orders.connection, planted.format(name))
        if "INDEX" not in planted:
            run(orders.connection, f"ALTER {planted.split()[1]} {name} OWNER TO planter")
        Batches(orders.connection, SHORT, ONCE).run()
        assert run(orders.connection, DONE) == ALL
        assert run(
            orders.connection, f"SELECT '{name}' IN (SELECT relname FROM pg_class UNION SELECT typname FROM pg_type)"
        ) == [(True,)]
    finally:
        run(orders.connection, "DROP OWNED BY planter; DROP ROLE planter")


def test_what_others_make_of_the_position_stops_nothing(orders: Shop, caplog: Any) -> None:
    """A view that depends on its type: PostgreSQL refuses to drop that."""
    with pytest.raises(BackfillStopped):
        Batches(orders.connection, SHORT.named(backfill_max_duration=1), ONCE).run()
    [(name,)] = run(orders.connection, TYPES)
    run(orders.connection, f"CREATE VIEW hangs AS SELECT NULL::{name} IS NULL AS a")

    Batches(orders.connection, SHORT, ONCE).run()

    assert run(orders.connection, DONE) == ALL
    assert "cannot be dropped" in caplog.text
    assert "view hangs depends on type" in caplog.text


def test_default_privileges_let_nobody_make_a_column_of_it(orders: Shop) -> None:
    run(orders.connection, "CREATE ROLE other; ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO other")
    try:
        with pytest.raises(BackfillStopped):
            Batches(orders.connection, SHORT.named(backfill_max_duration=1), ONCE).run()
        [(name,)] = run(orders.connection, TYPES)
        assert run(orders.connection, f"SELECT has_type_privilege('other', '{name}', 'USAGE')") == [(False,)]
    finally:
        run(orders.connection, "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM other; DROP ROLE other")


def test_an_operator_may_drop_the_position_meanwhile(orders: Shop, monkeypatch: Any, caplog: Any) -> None:
    after_batch = pace.Pace.after_batch

    def dropped(self: pace.Pace, took: float, share: float) -> None:
        for (name,) in run(orders.connection, TYPES):
            run(orders.connection, f"DROP TYPE {name}")
        after_batch(self, took, share)

    monkeypatch.setattr(pace.Pace, "after_batch", dropped)
    Batches(orders.connection, SHORT, ONCE).run()
    assert run(orders.connection, DONE) == ALL
    assert caplog.text.count("the position is not kept any more") == 1


def test_a_position_of_other_rows_costs_one_more_pass(orders: Shop, caplog: Any) -> None:
    """The column has been taken away and added again, as when a migration is taken back: the files are the same."""
    orders.migrate(migrations.AddField("order", "extra", models.IntegerField(null=True)))
    fill = Update("shop_order", "extra = 1", "extra IS NULL", ["id"])
    with pytest.raises(BackfillStopped):
        Batches(orders.connection, SHORT.named(backfill_max_duration=30), fill).run()
    run(orders.connection, "ALTER TABLE shop_order DROP COLUMN extra")
    run(orders.connection, "ALTER TABLE shop_order ADD COLUMN extra int")

    again = Batches(orders.connection, SHORT, fill)
    again.run()

    assert "going on at page" in caplog.text
    assert run(orders.connection, "SELECT count(*) FROM shop_order WHERE extra IS NULL") == [(0,)]


def test_no_row_is_changed_twice_where_the_condition_stays_true_of_some(orders: Shop) -> None:
    """The rows of the first ranges are all right; a row further on would be changed again."""
    flag = Case(When(pk=19_990, then=F("note")), default=Value("done"))
    with pytest.raises(CannotMigrate, match="rows that fulfil the condition still when they have been changed"):
        orders.migrate(Backfill("Order", {"times": F("times") + 1, "note": flag}, where=~Q(note="done")))
    assert run(orders.connection, "SELECT max(times) FROM shop_order") == [(1,)]
    assert run(orders.connection, "SELECT times FROM shop_order WHERE id = 19990") == [(0,)]


@pytest.mark.parametrize("idempotent", [None, False])
def test_a_fill_whose_time_is_over_goes_on_with_the_next_run(
    project: Site, observer: Any, idempotent: bool | None
) -> None:
    """Also without a journal: what the operation had done besides the rows is taken back then."""
    project.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = idempotent
    project.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_BATCH_TIME"] = "1ms"
    project.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_MAX_DURATION"] = "5ms"
    run(observer, ROWS)
    project.add(migrations.AlterField("order", "cents", models.BigIntegerField(default=7)))

    stopped = project.manage("migrate")

    assert stopped.returncode == 3, stopped.stdout
    assert "Run migrate again to go on." in stopped.stdout
    assert "Traceback" not in stopped.stdout
    left = "SELECT count(*) FROM shop_order WHERE cents IS NULL"
    [(before,)] = run(observer, left)
    assert 0 < before < 20_000
    for _ in range(60):
        if project.manage("migrate").returncode != 3:
            break
    del project.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_MAX_DURATION"]
    project.migrate()
    assert run(observer, left) == [(0,)]
    not_null = "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'shop_order'::regclass AND attname = 'cents'"
    assert run(observer, not_null) == [(True,)]
    assert run(observer, TYPES) == []
