"""The timeouts of the attempts of a short step."""

from __future__ import annotations

import pytest

from django_zero_downtime_migrations.execution.locks import limits as execution_limits
from django_zero_downtime_migrations.execution.locks.blockers import Look
from django_zero_downtime_migrations.execution.locks.limits import Limits, limits
from django_zero_downtime_migrations.planning.kinds import Blocking, Short, Step
from django_zero_downtime_migrations.settings import MigrationSettings
from tests.execution.test_acquire import PATIENT, step


def ladder(
    seen: Look, kind: type[Step] = Short, settings: MigrationSettings = PATIENT, names: str = "tu"
) -> list[Limits]:
    one = step(*(f'"{name}"' for name in names[: seen.relations]), kind=kind)
    return [limits(settings, one, seen, attempt) for attempt in range(150)]


def several(deadlock_timeout: int, relations: int = 2, lockable: bool = True) -> Look:
    return Look(relations, deadlock_timeout, (), lockable=lockable)


def test_first_attempts_are_short_and_grow_to_lock_timeout() -> None:
    locks = [given.values["lock_timeout"] for given in ladder(Look(1, 1000, ()))]
    assert locks == sorted(locks)
    assert locks[0] <= 2000 // 40
    assert locks[-1] == 2000


@pytest.mark.parametrize("lockable", [True, False])
def test_step_on_several_tables_waits_no_longer_than_lock_timeout_and_a_fifth(lockable: bool) -> None:
    for lock_timeout in (100, 500, 2000, 5000):
        settings = MigrationSettings(lock_timeout=lock_timeout, lock_retry_timeout=60_000)
        for given in ladder(several(60_000, 4, lockable), settings=settings):
            waits = [whole for _, _, whole in given.locks] or [given.values["statement_timeout"]]
            assert max(waits) <= lock_timeout * 1.2


@pytest.mark.parametrize("lockable", [True, False])
@pytest.mark.parametrize("names", ["tu", "tuvw"])
@pytest.mark.parametrize("deadlock_timeout", [20, 100, 1000, 5000])
def test_step_on_several_tables_gives_up_before_the_server_looks_for_deadlocks(
    deadlock_timeout: int, names: str, lockable: bool
) -> None:
    for given in ladder(several(deadlock_timeout, len(names), lockable), names=names):
        left = given.values["lock_timeout"] if given.locks else 0
        waits = given.whole or given.values["statement_timeout"]
        assert waits + left < deadlock_timeout


def test_after_the_first_ladder_most_attempts_are_short_and_long_ones_still_come() -> None:
    waits = [given.wait for given in ladder(several(10_000))]
    assert waits[: execution_limits.SCALES] == sorted(waits[: execution_limits.SCALES])
    later = waits[execution_limits.SCALES :]
    assert later.count(waits[0]) > len(later) // 2 - 5
    assert max(later) == max(waits)


def test_statement_timeout_of_the_user_is_never_exceeded() -> None:
    settings = MigrationSettings(lock_timeout=2000, statement_timeout=30, lock_retry_timeout=60_000)
    for seen in (Look(1, 1000, ()), several(1000, 3), several(1000, 3, lockable=False)):
        for given in ladder(seen, settings=settings):
            assert max(given.values["statement_timeout"], *(whole for *_, whole in given.locks), 0) <= 30


def test_unsafe_step_has_all_the_time_for_its_work_and_no_more_for_its_locks() -> None:
    for given in ladder(Look(2, 1000, (), 0, 7000, True), Blocking):
        assert given.values["statement_timeout"] == 7000  # the session's own
        assert given.whole < 1000
    for given in ladder(several(1000, lockable=False), Blocking):
        assert "statement_timeout" not in given.values
        assert given.wait < 1000


@pytest.mark.parametrize("lock_timeout", [None, 0], ids=["the server's", "no limit"])
def test_no_attempt_is_without_a_limit(lock_timeout: int | None) -> None:
    settings = MigrationSettings(lock_timeout=lock_timeout, lock_retry_timeout=60_000)
    for seen in (Look(1, 1000, ()), several(1000)):
        assert all(0 < given.wait <= 1000 for given in ladder(seen, settings=settings))
