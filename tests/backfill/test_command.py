"""``manage.py backfills`` lists, pauses, resumes and abandons, from another session than the one that is at work."""

from __future__ import annotations

import io
import json
from itertools import count
from typing import Any

import pytest
from django.core.management import call_command

from django_zero_downtime_migrations.errors import BackfillStopped, MigrationError
from django_zero_downtime_migrations.execution.batches import pace
from django_zero_downtime_migrations.management.commands.backfills import Command
from tests.backends.project import Shop
from tests.backends.sessions import Beside, run, wait_until

from .test_operation import ONCE
from .test_others import ALL, DONE, TYPES

ID = "shop.0002:0"
SLOW = {"BACKFILL_BATCH_TIME": "1ms", "BACKFILL_LOAD": 1.0, "BACKFILL_VACUUM_EVERY": 0}


@pytest.fixture
def begun(orders: Shop, settings: Any, monkeypatch: Any) -> Shop:
    """A backfill that has stopped on its way, after three batches."""
    for name, value in SLOW.items():
        setattr(settings, f"ZERO_DOWNTIME_MIGRATIONS_{name}", value)
    batches = count(1)

    def stop(*args: object) -> None:
        if next(batches) == 3:
            raise BackfillStopped("the third")

    with monkeypatch.context() as patched:
        patched.setattr(pace.Pace, "after_batch", stop)
        with pytest.raises(BackfillStopped):
            orders.migrate(ONCE)
    return orders


def backfills(shop: Shop, *arguments: str) -> str:
    out = io.StringIO()
    call_command(Command(stderr=out), *arguments, database=shop.alias, stdout=out)
    return out.getvalue()


def test_what_has_stopped_is_listed(begun: Shop) -> None:
    heading, row = backfills(begun).splitlines()
    assert heading.split("  ")[0] == "id"
    assert row.startswith(f'{ID}  "shop_order"  stopped  ')
    [found] = json.loads(backfills(begun, "--format", "json"))["backfills"]
    done = run(begun.connection, "SELECT count(*) FROM shop_order WHERE note = 'done'")[0][0]
    assert found["id"] == ID
    assert (found["app"], found["migration"], found["operation"]) == ("shop", "0002", 0)
    assert found["state"] == "stopped"
    assert found["later"] is False
    assert 0 < found["share"] < 1
    # The last batch before the end of the time is counted with the next.
    assert 0 < found["rows"] <= done
    assert found["rows_per_second"] > 0
    assert found["last_activity"].startswith("20")


def test_where_there_is_none_it_says_so(orders: Shop) -> None:
    assert backfills(orders) == "No backfill has begun and is not through, and none is owed.\n"
    with pytest.raises(MigrationError, match=r"No backfill is called x\. There are: none\."):
        backfills(orders, "--pause", "x")


def test_one_at_work_waits_between_two_batches_for_as_long_as_it_is_paused(
    begun: Shop, observer: Any, caplog: Any
) -> None:
    assert "waits from its next batch on" in backfills(begun, "--pause", ID)
    before = run(observer, DONE)
    with Beside(lambda: begun.migrate(ONCE)) as work:
        said = f"`manage.py backfills --resume {ID}` lets it go on"
        wait_until(lambda: said in caplog.text, "it waits", work)
        assert backfills(begun).splitlines()[1].split()[2] == "paused"
        assert run(observer, DONE) == before
        assert "goes on" in backfills(begun, "--resume", ID)
        work.result()
    assert caplog.text.count(said) == 2
    assert "going on after" in caplog.text
    assert run(observer, DONE) == ALL
    assert run(observer, TYPES) == []


def test_one_that_is_given_up_begins_at_the_first_page(begun: Shop, caplog: Any) -> None:
    said = backfills(begun, "--abandon", ID)
    assert "the rows that it has changed stay changed. If its migration runs again, it begins at the first page" in said
    assert run(begun.connection, TYPES) == []
    begun.migrate(ONCE)
    assert "going on at page" not in caplog.text
    assert run(begun.connection, DONE) == ALL


def test_another_role_cannot_stop_it(begun: Shop) -> None:
    run(begun.connection, "CREATE ROLE guest; SET ROLE guest")
    try:
        assert "belongs to the role postgres, and is not read" in backfills(begun)
        for what in ("--pause", "--resume", "--abandon"):
            with pytest.raises(MigrationError, match="belongs to the role postgres"):
                backfills(begun, what, ID)
    finally:
        run(begun.connection, "RESET ROLE; DROP ROLE guest")
    begun.migrate(ONCE)
    assert run(begun.connection, DONE) == ALL
