"""Every operation on tables that are in use, against stock Django's and against what the server saw."""

from __future__ import annotations

import difflib

import pytest

from django_zero_downtime_migrations.findings import Kind, Severity
from django_zero_downtime_migrations.locks import LockMode
from django_zero_downtime_migrations.planning.kinds import Protected

pytestmark = pytest.mark.filterwarnings("ignore:'index_together' is deprecated")


def assert_same(found, expected, dumps=False):
    """Show what differs, not two dumps."""
    schemas = [x.description + (x.dump.splitlines() if dumps else []) for x in (expected, found)]
    lines = schemas[0] + expected.rows, schemas[1] + found.rows
    if difference := "\n".join(difflib.unified_diff(*lines, "stock", "ours", n=2, lineterm="")):
        pytest.fail(difference)


def assert_same_both_ways(found, expected):
    for mine, stocks in zip(found, expected, strict=True):
        if stocks is not None:
            assert_same(mine, stocks)


def observations(*ways):
    return [way[1] for way in ways if way is not None]


def test_result_is_that_of_stock(runs):
    expected = runs.stock()[0]
    assert_same(runs.ours()[0][0], expected, dumps=True)


def test_taken_back_it_is_as_with_stock(runs):
    if runs.case.reversible:
        expected = runs.stock()[1]
        assert_same(runs.ours()[1][0], expected)


def test_locks_are_those_that_the_step_declares(runs):
    for observation in observations(*runs.ours(), *runs.with_all_off()):
        for seen in observation.steps:
            if not isinstance(seen.step, Protected):
                continue
            if seen.step.sql.startswith("ANALYZE "):
                # No event trigger sees it: tests/rewrites/test_replace_column.py.
                continue
            assert seen.commands, f"the server has seen nothing of {seen.step.sql}"
            if seen.concurrently:
                # They are gone when the command ends: tests/rewrites has caught them while it waits.
                assert set(seen.declared().values()) == {LockMode.SHARE_UPDATE_EXCLUSIVE}, seen.step.sql
            else:
                assert seen.held() == seen.declared(), seen.step.sql


def test_nothing_else_locks_a_table_that_is_in_use(runs):
    for observation in observations(*runs.ours(), *runs.with_all_off()):
        for seen in observation.steps:
            if not isinstance(seen.step, Protected):
                assert not seen.blocks(observation.in_use), seen.step.sql


def test_work_under_a_lock_that_blocks_is_refused(runs):
    for observation in observations(*runs.ours()):
        refused = {finding.sql for finding in observation.findings if finding.severity is Severity.REFUSE}
        for seen in observation.steps:
            if seen.blocks(observation.in_use) and (work := seen.work(observation.in_use)):
                assert seen.text in refused, f"{seen.step.sql}: {work}"


def test_refused_for_its_lock_is_only_what_works_under_it(runs):
    for observation in observations(*runs.ours()):
        steps = [seen.step for seen in observation.steps if seen.work(observation.in_use)]
        # Statements that stand together are one step.
        at_work = {str(sql) for step in steps for sql in (step.statement.sql, *(query.sql for query in step.queries))}
        refused = [x for x in observation.findings if x.severity is Severity.REFUSE and x.kind is Kind.LOCK]
        assert [finding.message for finding in refused if finding.sent not in at_work] == []


def test_where_a_column_is_replaced_it_is_found(runs):
    found = runs.ours()[0][1].findings
    codes = {finding.code for finding in found}
    assert (codes == {"ONLINE_TYPE_CHANGE"}) is runs.case.moves_column, [x.message for x in found]


def test_taken_back_a_column_is_replaced_as_well(runs):
    if runs.case.moves_column and runs.case.reversible:
        found = runs.ours()[1][1].findings
        # It is unknown which values of an array fit into a narrower one.
        code = "ALTER_COLUMN_TYPE" if runs.case.name == "online/array" else "ONLINE_TYPE_CHANGE"
        assert {finding.code for finding in found} == {code}, [x.message for x in found]


def test_inside_a_transaction(runs):
    if runs.case.atomic:
        assert_same_both_ways(runs.inside_a_transaction(), runs.stock())


def test_with_deferred_sql_and_explicit_drops_off(runs):
    there, back = runs.with_all_off()
    assert_same_both_ways((there[0], back and back[0]), runs.stock())


def test_script_has_the_effect_of_the_migration(runs):
    assert_same_both_ways(runs.script(), runs.stock())
