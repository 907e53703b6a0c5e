"""The features of this backend that Django's own test runner and editor ask for."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from django.db import transaction

from django_zero_downtime_migrations.backends.postgres import features


def skipped(connection):
    del connection.features.__dict__["django_test_skips"]
    return {test for tests in connection.features.django_test_skips.values() for test in tests}


@pytest.fixture
def connection(database):
    database.features.django_test_skips  # noqa: B018  (kept, as after an earlier look)
    return database


def test_skips_of_django_stay(connection, stock_database):
    reasons = set(stock_database.features.django_test_skips)
    assert reasons <= set(connection.features.django_test_skips)


@pytest.mark.parametrize("name, value", [("LOCK_TIMEOUT", "2s"), ("STATEMENT_TIMEOUT", 0)])
def test_timeouts_bring_a_skip_of_their_own(connection, settings, name, value):
    before = skipped(connection)
    setattr(settings, f"ZERO_DOWNTIME_MIGRATIONS_{name}", value)
    assert skipped(connection) - before == set().union(*features.SKIPS_WITH_TIMEOUTS.values())


def test_test_that_this_django_does_not_have_is_not_skipped(connection, monkeypatch):
    test = "schema.tests.SchemaTests.test_unsupported_transactional_ddl_disallowed"
    assert test in skipped(connection)
    module = ModuleType("schema.tests")
    module.SchemaTests = type("SchemaTests", (), {})
    monkeypatch.setitem(sys.modules, "schema.tests", module)
    assert test not in skipped(connection)
    setattr(module.SchemaTests, test.rpartition(".")[2], None)
    assert test in skipped(connection)


def test_every_skip_has_a_reason_and_they_are_few():
    skips = features.SKIPS | features.SKIPS_WITH_TIMEOUTS
    assert all(reason.endswith(".") for reason in skips)
    assert sum(map(len, skips.values())) <= 6


def test_ddl_can_be_rolled_back_exactly_inside_a_transaction(database):
    assert not database.features.can_rollback_ddl
    with transaction.atomic(database.alias):
        assert database.features.can_rollback_ddl
    assert not database.features.can_rollback_ddl


def test_what_can_be_rolled_back_can_be_overridden(database):
    database.features.can_rollback_ddl = True
    assert database.features.can_rollback_ddl
    assert type(database.features).can_rollback_ddl is True
