"""Django's test runner, which also writes down what happened: the file named by the environment, as JSON."""

from __future__ import annotations

import json
import os
import unittest
from pathlib import Path
from typing import Any

import django
from django.db import connection
from django.db.backends.postgresql.features import DatabaseFeatures as StockFeatures
from django.test.runner import DiscoverRunner

from tests.django_suite import stock_failures
from tests.django_suite.settings import RECORD_VARIABLE


class RecordingRunner(DiscoverRunner):
    """Leaves a record of the run for the process that started it."""

    def run_suite(self, suite: unittest.TestSuite, **kwargs: Any) -> Any:
        # Asked before the run: tests of Django's test machinery assign to these features.
        before = {"declared": _declared_differences(), "stock": sorted(_stock_failures())}
        result = super().run_suite(suite, **kwargs)
        Path(os.environ[RECORD_VARIABLE]).write_text(json.dumps(_record(result) | before))
        return result


def _record(result: unittest.TestResult) -> dict[str, Any]:
    return {
        "run": result.testsRun,
        # A test with subtests, or one whose clean-up fails too, comes more than once.
        "failures": {test.id(): _last_line(traceback) for test, traceback in result.failures},
        "errors": {test.id(): _last_line(traceback) for test, traceback in reversed(result.errors)},
        "unexpected_successes": {test.id(): "" for test in result.unexpectedSuccesses},
        "expected_failures": [test.id() for test, _ in result.expectedFailures],
        "skipped": [test.id() for test, _ in result.skipped],
    }


def _last_line(traceback: str) -> str:
    # The exception stands on the first unindented line after the frames; what follows are its details.
    lines = [line for line in traceback.splitlines() if line and not line.startswith((" ", "Traceback"))]
    return lines[-1] if lines else ""


def _declared_differences() -> dict[str, list[str]]:
    """Tests that the engine declares as different and that the stock engine of the same Django does not."""
    ours, stock = connection.features, StockFeatures(connection)
    known = {test for tests in stock.django_test_skips.values() for test in tests} | stock.django_test_expected_failures
    declared = {**ours.django_test_skips, "expected to fail": ours.django_test_expected_failures}
    extra = {reason: sorted(set(tests) - known) for reason, tests in declared.items()}
    return {reason: tests for reason, tests in extra.items() if tests}


def _stock_failures() -> frozenset[str]:
    connection.ensure_connection()
    return stock_failures.known(django.VERSION[:2], connection.connection.info.server_version)
