"""A failure in the middle is taken back, and the migration can be run again."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, migrations, models
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.execution.attempt import Attempt
from django_zero_downtime_migrations.execution.run import Runner
from tests.backends.fixtures import Twins
from tests.backends.sessions import run, told

from .tables import begin
from .test_result import OPERATIONS, TO_PARTITIONED

CASES = {
    name: (OPERATIONS | TO_PARTITIONED)[name]
    for name in (
        "expressions",
        "unique",
        "check",
        "not null",
        "foreign key",
        "new indexed column",
        "foreign key between partitioned tables",
    )
}


class Stop(DatabaseError):
    pass


@pytest.fixture
def sales(twins: Twins) -> Twins:
    begin(twins.ours)
    begin(twins.stock)
    return twins


def migrate(sales: Twins, operations: list[Operation], monkeypatch: pytest.MonkeyPatch, stop: int) -> int:
    """Stop before this step; how many there were."""
    steps = 0
    stopped = False
    original = Runner.send

    def counting(self: Runner, attempt: Attempt) -> None:
        nonlocal steps, stopped
        if not stopped:
            if steps == stop:
                stopped = True
                raise Stop("stopped")
            steps += 1
        original(self, attempt)

    with monkeypatch.context() as patch:
        patch.setattr(Runner, "send", counting)
        sales.ours.migrate(*operations)
    return steps


@pytest.mark.parametrize("name", CASES)
def test_failure_before_each_step_is_taken_back(sales: Twins, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sales.dump(sales.ours.connection)
    stop = 0
    while True:
        try:
            migrate(sales, CASES[name], monkeypatch, stop)
        except Stop as error:
            assert "The migration can be run again." in told(error)
            assert sales.dump(sales.ours.connection) == before
            stop += 1
        else:
            break
    assert stop > 1
    sales.stock.migrate(*CASES[name])
    sales.compare()


def test_rows_that_violate_a_unique_constraint(sales: Twins) -> None:
    before = sales.dump(sales.ours.connection)
    sales.run("INSERT INTO shop_sale (id, shelf, author) VALUES (150, 0, 1)")
    with pytest.raises(DatabaseError) as caught:
        sales.ours.migrate(*OPERATIONS["unique"])
    assert "find and merge them" in told(caught.value)
    assert sales.dump(sales.ours.connection) == before
    sales.run("DELETE FROM shop_sale WHERE id = 150")
    sales.migrate(*OPERATIONS["unique"])


def test_rows_that_violate_a_foreign_key(sales: Twins) -> None:
    before = sales.dump(sales.ours.connection)
    sales.run("UPDATE shop_sale SET author = 99 WHERE id = 300")
    with pytest.raises(DatabaseError) as caught:
        sales.ours.migrate(*OPERATIONS["foreign key"])
    assert "Rows point to rows that do not exist" in told(caught.value)
    assert sales.dump(sales.ours.connection) == before
    sales.run("UPDATE shop_sale SET author = 1 WHERE id = 300")
    sales.migrate(*OPERATIONS["foreign key"])


ADDED = "CREATE TABLE sale_new PARTITION OF shop_sale FOR VALUES FROM (700) TO (800)"


def at(sql: str, step: str, sales: Twins, observer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this once from another session, before the first step that has this in its text."""
    original = Runner.send
    left = [sql]

    def running(self: Runner, attempt: Attempt) -> None:
        if left and step in attempt.step.sql:
            run(observer, left.pop())
        original(self, attempt)

    monkeypatch.setattr(Runner, "send", running)


@pytest.mark.parametrize("name", ["expressions", "unique", "foreign key"])
def test_partition_added_before_the_first_step_is_named(
    sales: Twins, observer: Any, monkeypatch: pytest.MonkeyPatch, name: str, server_major: int
) -> None:
    at(ADDED, "zdm" if name != "foreign key" or server_major < 18 else "VALIDATE", sales, observer, monkeypatch)
    if name == "foreign key" and server_major >= 18:
        # There the server itself gives each partition the key.
        sales.ours.migrate(*OPERATIONS[name])
    else:
        with pytest.raises(DatabaseError) as caught:
            sales.ours.migrate(*OPERATIONS[name])
        assert "partition sale_new was added" in told(caught.value)
        assert "The migration can be run again." in told(caught.value)
        sales.ours.migrate(*OPERATIONS[name])
    sales.stock.run(ADDED)
    sales.stock.migrate(*OPERATIONS[name])
    sales.compare()


@pytest.mark.parametrize("name", ["expressions", "unique"])
def test_partition_added_during_the_build_gets_its_part(
    sales: Twins, observer: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    at(ADDED, "CONCURRENTLY", sales, observer, monkeypatch)
    sales.ours.migrate(*OPERATIONS[name])
    sales.stock.run(ADDED)
    sales.stock.migrate(*OPERATIONS[name])
    sales.compare()


def test_partition_detached_during_the_build(sales: Twins, observer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sales.dump(sales.ours.connection)
    at("ALTER TABLE shop_sale DETACH PARTITION sale_rest", "CONCURRENTLY", sales, observer, monkeypatch)
    with pytest.raises(DatabaseError) as caught:
        sales.ours.migrate(*OPERATIONS["index"])
    assert "The migration can be run again." in told(caught.value)
    sales.ours.migrate(*OPERATIONS["index"])
    sales.ours.run("ALTER TABLE shop_sale ATTACH PARTITION sale_rest DEFAULT")
    sales.ours.unapply()
    assert sales.dump(sales.ours.connection) == before


def test_migration_that_is_not_atomic(sales: Twins) -> None:
    sales.migrate(migrations.AddIndex("sale", models.Index(fields=["shelf"], name="by_shelf")), atomic=False)
