"""`check_migrations` finds what `migrate` finds: in each example of a rule, and in the whole example project."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.findings import Finding
from django_zero_downtime_migrations.reporting import Report
from docs.rules.generate import modules
from tests.backends.project import Shop
from tests.commands.judged import check, check_alone
from tests.docs.test_rules import Way, shop_for, ways

ONLY_CHECKED = {rule.code for rule in modules().values() if rule.only_checked}
WAYS = pytest.mark.parametrize("way", list(ways()), ids=lambda way: f"{way.name}-{way.kind}-{way.parts[0].title}")
#: The models do not tell of these: of a catalogue, of rows, of the types of other tables, of what SQL has made before.
ASKED = (
    "backfill_fires_triggers",
    "cannot_migrate",
    "fill_large_table",
    "published_table",
    "row_type_used",
    "state_ahead",
)
ALONE = pytest.mark.parametrize(
    "way",
    [way for way in ways() if len(way.parts) == 1 and way.name not in ASKED],
    ids=lambda way: f"{way.name}-{way.kind}-{way.parts[0].title}",
)
Found = list[tuple[str, str, str, str]]


def said(findings: list[Finding]) -> Found:
    return [(x.code, x.message, x.table, x.sql) for x in findings if x.code not in ONLY_CHECKED]


def checked(report: Report) -> Found:
    return said([entry.finding for entry in report.entries])


def migrated(shop: Shop, way: Way) -> Found:
    """Return the findings of the editor that runs them, in migrations of one run."""
    found: list[Finding] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part in way.parts:
            found += shop.migrate(*part.run()["operations"]).findings
    return said(found)


@WAYS
def test_example(way: Way, make_connection: Callable[..., BaseDatabaseWrapper]) -> None:
    if way.name == "cannot_migrate":
        return
    shop = shop_for(way.name, make_connection)
    report = check(shop, *(part.run()["operations"] for part in way.parts))

    found = migrated(shop, way)
    if report.unanalysed and way.name == "in_transaction":
        # The effect of a function on the editor shows only when it runs.
        found = [each for each in found if each[0] != way.rule.code]
    assert sorted(checked(report)) == sorted(found)


@ALONE
def test_example_without_a_database(way: Way, make_connection: Callable[..., BaseDatabaseWrapper]) -> None:
    shop = shop_for(way.name, make_connection)
    operations = way.parts[0].run()["operations"]
    with_database = check(shop, operations, strict=way.name == "not_additive")
    without = check_alone(shop, *operations, strict=way.name == "not_additive")

    assert without.unanalysed == with_database.unanalysed
    assert [x.finding.code for x in without.entries] == [x.finding.code for x in with_database.entries]


def test_unsafe_example_of_a_rule_that_is_only_checked(make_connection: Callable[..., BaseDatabaseWrapper]) -> None:
    for way in ways():
        if way.rule.only_checked and way.kind == "unsafe":
            shop = shop_for(way.name, make_connection)
            strict = way.name == "not_additive"
            report = check(shop, *(part.run()["operations"] for part in way.parts), strict=strict)
            assert way.rule.code in [entry.finding.code for entry in report.entries], way.name


def test_safe_example_of_a_rule_that_is_only_checked(make_connection: Callable[..., BaseDatabaseWrapper]) -> None:
    for way in ways():
        if way.rule.only_checked and way.kind == "safe":
            shop = shop_for(way.name, make_connection)
            for part in way.parts:
                operations = part.run()["operations"]
                report = check(shop, operations)
                assert way.rule.code not in [entry.finding.code for entry in report.entries], way.name
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    shop.migrate(*operations)
