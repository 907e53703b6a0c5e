"""The pages of the rules are up to date, and their examples do what they show."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.compat import has_db_default
from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.findings import Finding, Severity
from django_zero_downtime_migrations.planning.rule import Rule
from django_zero_downtime_migrations.reporting import Report
from docs.rules.generate import FOLDER, PAGES, Part, modules, pages, parts, texts
from tests.backends.project import Shop
from tests.commands.judged import check, codes
from tests.docs.test_examples import in_use

Make = Callable[..., BaseDatabaseWrapper]
RULES = modules()
BY_CODE = {rule.code: rule for rule in RULES.values()}
#: Found when RunPython runs, which check_migrations does not do.
RUNNING = {"IN_TRANSACTION"}
EXAMPLES = {name: parts(name) for name in RULES}


class Way(NamedTuple):
    """Migrations of an example that run one after the other, from the same database as the others."""

    name: str
    kind: str
    parts: list[Part]

    @property
    def rule(self) -> Rule:
        return RULES[self.name]


def ways() -> Iterator[Way]:
    """Yield all for which this Django has the fields."""
    too_new = () if has_db_default else ("db_default", "GeneratedField")
    for name, example in EXAMPLES.items():
        found: list[Way] = []
        for part in example:
            if part.kind in ("unsafe", "safe"):
                found.append(Way(name, part.kind, []))
            if part.kind != "given":
                found[-1].parts.append(part)
        yield from (way for way in found if not any(word in part.code for part in way.parts for word in too_new))


def each(*kinds: str) -> Any:
    wanted = [way for way in ways() if way.kind in kinds]
    ids = [f"{way.name}-{way.kind} {way.parts[0].title}".strip() for way in wanted]
    return pytest.mark.parametrize("way", wanted, ids=ids)


def shop_for(name: str, make_connection: Make) -> Shop:
    """The tables are in use, and they and the settings are as the example wants them."""
    parts_given = [part.run() for part in EXAMPLES[name] if part.kind == "given"]
    settings = {key: value for given in parts_given for key, value in given.get("settings", {}).items()}
    shop = in_use(make_connection(ZERO_DOWNTIME_MIGRATIONS={"RAISE_FOR_UNSAFE": False, **settings}))
    # Another session is there.
    make_connection(name=shop.connection.settings_dict["NAME"]).ensure_connection()
    for given in parts_given:
        for statement in given.get("statements", ()):
            shop.run(statement)
        if operations := given.get("operations", ()):
            shop.migrate(*operations)
        # The connection is there: not every driver takes them.
        shop.connection.settings_dict["OPTIONS"].update(given.get("options", {}))
    return shop


def test_the_pages_are_what_the_records_and_examples_make() -> None:
    there = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}

    assert there == pages(), "run: python -m docs.rules.generate"


def test_what_explain_prints_is_what_the_records_and_examples_make() -> None:
    there = {path.name: path.read_text("utf-8") for path in PAGES.iterdir()}

    assert there == texts(), "run: python -m docs.rules.generate"


@pytest.mark.parametrize("name", RULES)
def test_each_rule_has_an_unsafe_and_a_safe_example(name: str) -> None:
    assert {"unsafe", "safe"} <= {part.kind for part in EXAMPLES[name]}


def test_there_is_no_example_of_a_rule_that_is_none() -> None:
    assert {path.stem for path in (FOLDER / "examples").glob("*.py")} == set(RULES)


@each("unsafe")
def test_unsafe_example_has_the_finding_of_its_rule_and_no_other(way: Way, make_connection: Make) -> None:
    shop = shop_for(way.name, make_connection)
    found = codes(checked(shop, way)) if way.rule.only_checked else [finding.code for finding in migrated(shop, way)]

    # A note that something is done online may come with what that does.
    assert [code for code in found if code == way.rule.code or BY_CODE[code].severity is not Severity.NOTE] == [
        way.rule.code
    ]


@each("safe")
def test_safe_example_has_nothing_that_is_refused(way: Way, make_connection: Make) -> None:
    shop = shop_for(way.name, make_connection)

    for part in way.parts:
        operations = part.run()["operations"]
        found = check(shop, operations, strict=way.rule.code == "NOT_ADDITIVE").entries
        assert [entry.finding.code for entry in found if entry.severity is Severity.REFUSE] == []
        findings = shop.migrate(*operations).findings
        counting = [finding for finding in findings if not finding.assured]
        assert [finding for finding in counting if finding.severity is not Severity.NOTE] == []


@each("unsafe", "safe")
def test_migrate_finds_in_an_example_what_check_migrations_finds(way: Way, make_connection: Make) -> None:
    shop = shop_for(way.name, make_connection)
    both = [each.finding for each in checked(shop, way).entries if not BY_CODE[each.finding.code].only_checked]

    found = [finding for finding in migrated(shop, way) if finding.code not in RUNNING]
    assert [alike(finding) for finding in found] == [alike(finding) for finding in both]


def checked(shop: Shop, way: Way) -> Report:
    """Return the report of check_migrations when all of them are pending."""
    return check(shop, *(part.run()["operations"] for part in way.parts), strict=way.rule.code == "NOT_ADDITIVE")


def migrated(shop: Shop, way: Way) -> list[Finding]:
    """Return what migrate says of each when it comes to it."""
    found: list[Finding] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part in way.parts:
            try:
                found += shop.migrate(*part.run()["operations"]).findings
            except CannotMigrate:
                # Of which check_migrations makes a finding, of a rule that only it has.
                break
    return found


def alike(finding: Finding) -> tuple[Any, ...]:
    """Return the part of a finding that both can know."""
    names = ("code", "text", "severity", "kind", "message", "instead", "sql", "table", "lock", "assured")
    return (*(getattr(finding, name) for name in names), finding.origin.model, finding.origin.field)
