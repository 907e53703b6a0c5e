"""Each step locks the tables and partitions that it declares, and none that blocks traffic reads or builds anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.migrations.operations.base import Operation

from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.locks import LockMode
from django_zero_downtime_migrations.planning.kinds import Protected
from tests.backends.project import Shop
from tests.operations.observer import Observation, Observer, Seen

from .tables import begin
from .test_result import OPERATIONS, PREPARED, TO_PARTITIONED

pytestmark = pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")

SHARED = LockMode.SHARE_ROW_EXCLUSIVE
BELOW = """
SELECT format('"%s"', p.oid::regclass::text), array_agg(format('"%s"', t.relid::regclass::text))
FROM pg_class p CROSS JOIN pg_partition_tree(p.oid) t WHERE p.relkind = 'p' GROUP BY p.oid
"""
CASES: dict[str, tuple[list[Operation], list[Operation]]] = {
    **{name: ([], operations) for name, operations in (OPERATIONS | TO_PARTITIONED).items()},
    **PREPARED,
}


@pytest.fixture(params=CASES)
def observed(request: pytest.FixtureRequest, shop: Shop) -> Iterator[tuple[Observation, dict[str, list[str]]]]:
    before, after = CASES[request.param]
    begin(shop)
    shop.migrate(*before)
    below = {_plain(parent): [_plain(part) for part in parts] for parent, parts in shop.run(BELOW)}
    with Observer(shop.connection).installed() as observation:
        shop.migrate(*after)
    yield observation, below


def _plain(name: str) -> str:
    return f'"{name.replace(chr(34), "")}"'


def declared(seen: Seen, below: dict[str, list[str]]) -> dict[str, LockMode]:
    there = {table["name"] for table in seen.commands[0].before.values()}
    strongest: dict[str, LockMode] = {}
    for lock in seen.step.locks:
        for name in [lock.table] if lock.only else below.get(lock.table, [lock.table]):
            if name in there and lock.mode.strength > strongest.get(name, LockMode.ACCESS_SHARE).strength:
                strongest[name] = lock.mode
    return strongest


def held(seen: Seen) -> dict[str, LockMode]:
    """Leave out ACCESS SHARE, as a SELECT takes it: it conflicts with ACCESS EXCLUSIVE alone."""
    return {name: mode for name, mode in seen.held().items() if mode is not LockMode.ACCESS_SHARE}


def test_locks_are_those_that_the_step_declares(observed: Any) -> None:
    observation, below = observed
    for seen in observation.steps:
        if isinstance(seen.step, Protected):
            assert seen.commands, f"the server has seen nothing of {seen.step.sql}"
            if seen.concurrently:
                assert {lock.mode for lock in seen.step.locks} == {LockMode.SHARE_UPDATE_EXCLUSIVE}
            else:
                promised, taken = declared(seen, below), held(seen)
                # PostgreSQL 14 is content with less on a table whose partitions have the rows.
                less = {name: mode for name, mode in taken.items() if name in below and mode is SHARED}
                assert taken | {name: promised.get(name) for name in less} == promised, seen.step.sql


def test_nothing_is_read_or_built_under_a_lock_that_blocks_unless_it_is_refused(observed: Any) -> None:
    observation, _ = observed
    refused = {finding.sql for finding in observation.findings if finding.severity is Severity.REFUSE}
    for seen in observation.steps:
        if seen.blocks(observation.in_use) and str(seen.step.statement.sql) not in refused:
            work = [x for x in seen.work(observation.in_use) if not _of_whole(x)]
            assert not work, seen.step.sql


def _of_whole(work: str) -> bool:
    """The index of a partitioned table has no file."""
    return any(work.startswith(f"index build of {table} ") for table in ('"shop_sale"', '"sale_many"', '"sale_listed"'))
