"""The verbs of a rule's test: an operation on a table in use is safe, or a rule finds something in it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from django.db.migrations.operations.base import Operation
from django.test import override_settings

from django_zero_downtime_migrations.backends.postgres.schema import (
    UnsafeOperationException,
    UnsafeOperationWarning,
)
from django_zero_downtime_migrations.findings import Finding, Severity
from django_zero_downtime_migrations.planning.rule import Rule
from django_zero_downtime_migrations.rules import BY_CODE
from tests.backends.project import Shop
from tests.commands.judged import Operations, check, check_alone, codes

#: Everything of a schema that has a row in the catalogue.
TABLES = """
SELECT a.attrelid::regclass::text, a.attname, a.atttypid, a.atttypmod, a.attnotnull, c.relfilenode, c.reltablespace
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2
"""


def assert_safe(shop: Shop, *operations: Operation) -> None:
    """Assert that there is no finding and no warning, and that RAISE_FOR_UNSAFE lets it pass."""
    with override_settings(ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE=True):
        assert shop.migrate(*operations).findings == []


def assert_finding(
    shop: Shop, code: str, operation: Operation, names: tuple[str, ...], beside: tuple[str, ...] = ()
) -> Finding:
    """Assert that this rule alone finds something, once; if it refuses, RAISE_FOR_UNSAFE stops the operation.

    :param names: what its message has to name.
    :param beside: the notes that come with it.
    """
    rule = BY_CODE[code]
    if rule.severity is Severity.REFUSE:
        assert_refused(shop, rule, operation)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        editor = shop.migrate(operation)
    assert {x.code for x in editor.findings} == {code, *beside}
    found: Finding
    (found,) = (x for x in editor.findings if x.code not in beside)
    assert (found.code, found.text, found.instead) == (code, rule.text, rule.instead)
    assert rule.when and rule.effect and rule.instead
    for name in names:
        assert name in found.message
    warned = [each.message for each in caught if isinstance(each.message, UnsafeOperationWarning)]
    assert [each.finding for each in warned] == ([] if rule.severity is Severity.NOTE else [found])
    return found


def assert_refused(shop: Shop, rule: Rule, operation: Operation) -> None:
    """RAISE_FOR_UNSAFE stops the operation, and nothing has changed."""
    before = shop.run(TABLES)
    raising = override_settings(ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE=True)
    with raising, pytest.raises(UnsafeOperationException) as caught:
        shop.migrate(operation)
    assert str(caught.value) == rule.text
    finding = caught.value.finding
    assert finding and (finding.code, finding.instead) == (rule.code, rule.instead)
    assert shop.run(TABLES) == before


def assert_checked(shop: Shop, code: str, *deployment: Operations, names: tuple[str, ...] = (), **how: Any) -> Finding:
    """Assert that this rule alone finds something, once, and only when it is checked: `migrate` is silent.

    :param deployment: the operations of each migration.
    :param names: what the message has to name.
    """
    report = check(shop, *deployment, **how)
    assert codes(report) == [code]
    found = report.entries[0].finding
    assert (found.text, report.entries[0].severity) == (BY_CODE[code].text, found.severity)
    for name in names:
        assert name in found.message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for operations in deployment:
            assert_safe(shop, *operations)
    return found


def assert_passes(shop: Shop, *deployment: Operations, **how: Any) -> None:
    """Neither `check_migrations` nor `migrate` finds anything."""
    assert codes(check(shop, *deployment, **how)) == []
    if len(deployment) == 1:
        assert codes(check_alone(shop, *deployment[0], **how)) == []
    for operations in deployment:
        assert_safe(shop, *operations)
