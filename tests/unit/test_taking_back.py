"""The errors after which a migration with a journal keeps what it has done."""

from __future__ import annotations

import pytest
from django.db import DataError, IntegrityError, InterfaceError, NotSupportedError, OperationalError, ProgrammingError

from django_zero_downtime_migrations.errors import CannotMigrate, LockNotAcquired
from django_zero_downtime_migrations.execution.taking_back import is_disturbance


@pytest.mark.parametrize(
    "error",
    [LockNotAcquired("", "", 0, 0, ()), OperationalError(), InterfaceError(), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
def test_what_may_be_over_the_next_time_takes_nothing_back(error: BaseException) -> None:
    assert is_disturbance(error)


@pytest.mark.parametrize("kind", [IntegrityError, DataError, ProgrammingError, NotSupportedError, CannotMigrate])
def test_what_the_data_or_the_server_refuses_is_taken_back(kind: type[Exception]) -> None:
    assert not is_disturbance(kind())
