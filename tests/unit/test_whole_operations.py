"""Operations of the user's own SQL and code are one entry of the journal's log when they are complete."""

from __future__ import annotations

import json

import pytest
from django.db.migrations import Migration, RunSQL

from django_zero_downtime_migrations.execution.journal.store import Done, Entry, Identity
from django_zero_downtime_migrations.execution.journal.whole_operations import joined, numbers
from django_zero_downtime_migrations.migrate_run.interrupted_migration import asked_about, last_operation

ADDED = Done("2.0 add_field app.Thing a", ('ALTER TABLE "app_thing" ADD COLUMN "a" integer NULL',))
#: As the log of a type's comment has it, of format 2.
FROZEN = (
    '[["operations 0 to 1",[]],["2.0 add_field app.Thing a",['
    '"ALTER TABLE \\"app_thing\\" ADD COLUMN \\"a\\" integer NULL"]],'
    '["3.0 RunPython",[]]]'
)


def code(number: int) -> Done:
    return Done(f"{number}.0 RunPython")


def sql(number: int, statement: int) -> Done:
    return Done(f"{number}.0 execute {statement}")


def ended(*calls: Done) -> dict[int, tuple[str, ...]]:
    """Return the keys of operations that have ended, of which these are all calls."""
    operations: dict[int, tuple[str, ...]] = {}
    for call in calls:
        number = int(call.key.partition(".")[0])
        operations[number] = (*operations.get(number, ()), call.key)
    return operations


def keys(part: list[Done]) -> list[str]:
    return [done.key for done in part]


def test_operations_that_follow_one_another_are_one_entry() -> None:
    calls = [code(0), sql(1, 1), sql(1, 2), code(2)]
    assert keys(joined(calls, ended(*calls))) == ["operations 0 to 2"]


def test_the_next_one_joins_them() -> None:
    assert keys(joined([Done("operations 0 to 2"), code(3)], ended(code(3)))) == ["operations 0 to 3"]


def test_an_operation_under_way_keeps_its_calls() -> None:
    assert keys(joined([code(0), sql(1, 1)], ended(code(0)))) == ["operations 0 to 0", "1.0 execute 1"]


def test_an_operation_of_which_a_call_is_missing_keeps_the_others() -> None:
    """Its removal waits for what replaces it, and comes with a later call."""
    assert keys(joined([sql(0, 1)], ended(sql(0, 1), sql(0, 2)))) == ["0.0 execute 1"]


def test_what_the_catalogue_shows_stays_as_it_is() -> None:
    calls = [code(0), code(1), ADDED, code(3)]
    found = joined(calls, ended(*calls))
    assert found == [Done("operations 0 to 1"), ADDED, Done("operations 3 to 3")]


def test_a_gap_is_not_bridged() -> None:
    assert keys(joined([code(0), code(2)], ended(code(0), code(2)))) == ["operations 0 to 0", "operations 2 to 2"]


@pytest.mark.parametrize(
    ("key", "expected"), [("operations 3 to 5", [3, 4, 5]), ("3.0 RunPython", []), ("operations 3", [])]
)
def test_which_operations_an_entry_stands_for(key: str, expected: list[int]) -> None:
    assert list(numbers(key)) == expected


def test_a_frozen_log_is_read_as_it_was_meant() -> None:
    log = tuple(Done(key, tuple(queries)) for key, queries in json.loads(FROZEN))
    entry = Entry(Identity("app", "0002_change", False, ("a",) * 5), (log,), "", "[]", 0, "")
    migration = Migration("0002_change", "app")
    migration.operations = [RunSQL(f"UPDATE app_thing SET b = {n}") for n in range(5)]
    calls, texts, _ = asked_about(entry, migration)
    assert calls == [Done("operations 0 to 1"), ADDED, Done("3.0 RunPython")]
    assert texts["operations 0 to 1"] == ["UPDATE app_thing SET b = 0", "UPDATE app_thing SET b = 1"]
    assert last_operation(entry) == 4
