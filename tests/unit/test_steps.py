"""The properties of a step, and of several in one transaction."""

from __future__ import annotations

import pytest

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.locks import Lock, LockMode
from django_zero_downtime_migrations.planning.kinds import AsStock, Blocking, InCallers, Long, Short, Step, UsersOwn
from django_zero_downtime_migrations.planning.steps import as_written, builds, drops, long, short, together

COLUMN = s.SetNotNull(sql="ALTER TABLE t ALTER COLUMN a SET NOT NULL", table="t", column="a")
INDEX = s.DropIndex(sql="DROP INDEX CONCURRENTLY i", table="t", name="i", concurrently=True)
WEAK, STRONG = Lock("t", LockMode.SHARE_ROW_EXCLUSIVE), Lock("t", LockMode.ACCESS_EXCLUSIVE)
OTHER = Lock("u", LockMode.SHARE_ROW_EXCLUSIVE)


@pytest.mark.parametrize(
    "step",
    [
        builds(COLUMN, "CREATE INDEX CONCURRENTLY i ON t (a)", "i"),
        drops(INDEX, INDEX.sql),
        as_written(INDEX, AsStock),
        as_written(s.Raw(sql="VACUUM t", concurrently=True), UsersOwn),
    ],
    ids=lambda step: type(step).__name__,
)
def test_what_the_server_refuses_in_a_transaction_stands_alone(step: Step) -> None:
    assert step.stands_alone


@pytest.mark.parametrize("kind", [Short, Blocking, Long, AsStock, InCallers, UsersOwn])
def test_everything_else_can_stand_in_one(kind: type[Step]) -> None:
    assert not as_written(COLUMN, kind).stands_alone


def test_only_a_drop_locks_readers_of_a_standby() -> None:
    drop, build = drops(INDEX, INDEX.sql), builds(COLUMN, "CREATE INDEX CONCURRENTLY i ON t (a)", "i")
    assert (drop.locks_on_replicas, build.locks_on_replicas) == ((STRONG,), ())


def test_steps_together_have_the_strongest_lock_on_each_table() -> None:
    one = together([short(COLUMN, "A", locks=[WEAK]), short(COLUMN, "B", locks=[OTHER, STRONG])])
    assert (one.sql, one.locks) == ("A; B", (STRONG, OTHER))


@pytest.mark.parametrize("position", [0, 1])
def test_one_without_a_cap_takes_it_from_all(position: int) -> None:
    steps: list[Step] = [short(COLUMN, "A"), short(COLUMN, "B")]
    steps[position] = steps[position].sent_as(Blocking)
    assert [type(together(steps)), type(together([short(COLUMN, "A")]))] == [Blocking, Short]


def test_steps_together_are_taken_back_together_or_not_at_all() -> None:
    first, second = short(COLUMN, "not A"), short(COLUMN, "not B")
    both = together([short(COLUMN, "A", undo=[first]), short(COLUMN, "B", undo=[second])])
    one = together([short(COLUMN, "A", undo=[first]), short(COLUMN, "B")])
    assert (both.undo, one.undo) == ((second, first), ())


def test_a_long_step_locks_its_table_alone() -> None:
    assert long(COLUMN, "VALIDATE").locks == (Lock("t", LockMode.SHARE_UPDATE_EXCLUSIVE),)
    assert long(s.Raw(sql="x"), "VALIDATE").locks == ()
