"""The locks that a step declares are those of the table in its own schema, and so are those that it looks at."""

from __future__ import annotations

from contextlib import closing

import pytest

from django_zero_downtime_migrations.execution.locks.blockers import look
from django_zero_downtime_migrations.locks import Lock, LockMode
from django_zero_downtime_migrations.planning.kinds import Protected
from tests import databases
from tests.operations.observer import Observer

from . import runs
from .cases import CASES
from .situations import FIRST, IN_SIGHT, OUT_OF_SIGHT, SECOND

LOCKING = {
    "add_foreign_key", "add_unique", "add_positive_integer", "not_null", "unique_off", "foreign_key_to_another_table",
    "foreign_key_without_constraint", "remove_foreign_key", "delete_both_ends", "rename_index", "rename_table",
    "no_auto", "remove_unique_constraint", "add_exclusion",
}  # fmt: skip
assert {case.name for case in CASES} >= LOCKING


@pytest.mark.parametrize("case", [case for case in CASES if case.name in LOCKING], ids=str)
def test_locks_are_those_that_the_step_declares(case, truth_of, make_database):
    connection = make_database(OUT_OF_SIGHT, truth_of(case).names)
    with Observer(connection).installed() as observation:
        runs.forwards(connection, case, OUT_OF_SIGHT)
    steps = [seen for seen in observation.steps if isinstance(seen.step, Protected)]
    assert steps != []
    for seen in steps:
        assert seen.commands, f"the server has seen nothing of {seen.step.sql}"
        if not seen.concurrently:
            assert seen.held() == seen.declared(), seen.step.sql
        assert all(name.startswith('"b".') for name in seen.declared()), seen.step.sql


@pytest.mark.parametrize("situation", [OUT_OF_SIGHT, IN_SIGHT, FIRST, SECOND], ids=str)
def test_only_who_holds_the_table_of_its_own_schema_is_in_the_way(situation, make_database):
    connection = make_database(situation, ())
    table = connection.ops.quote_name(situation.table("item"))
    with closing(databases.open_session(connection.settings_dict["NAME"])) as session, session.cursor() as cursor:
        cursor.execute("LOCK TABLE c.item, b.other IN ACCESS SHARE MODE")
        seen = look(connection, [Lock(table, LockMode.ACCESS_EXCLUSIVE)], queries=False)
        assert (seen.relations, seen.blockers) == (1, ())
        cursor.execute("LOCK TABLE b.item IN ACCESS SHARE MODE")
        blockers = look(connection, [Lock(table, LockMode.ACCESS_EXCLUSIVE)], queries=False).blockers
        assert [blocker.mode for blocker in blockers] == [LockMode.ACCESS_SHARE]
        session.rollback()
