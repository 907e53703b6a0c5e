"""A constraint that a migration changes by RemoveConstraint and AddConstraint: rows that violate both are never
accepted, forwards and back.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import django
import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import IntegrityError, migrations, models
from django.db.models import Q

from tests.backends.fixtures import Twins
from tests.backends.project import Shop, Site
from tests.backends.sessions import run, told
from tests.concurrency.attempts import before_each_statement, is_refused

ID = ("id", models.BigAutoField(primary_key=True))
CONDITION = "condition" if django.VERSION >= (5, 1) else "check"
FIELDS = [
    ID,
    ("pages", models.IntegerField(null=True)),
    ("shelf", models.IntegerField(null=True)),
    ("title", models.CharField(max_length=20, null=True)),
]


def check(name: str = "c", **condition: Any) -> Any:
    return models.CheckConstraint(name=name, **{CONDITION: Q(**condition)})


def unique(*fields: str, name: str = "c", **options: Any) -> Any:
    return models.UniqueConstraint(fields=fields, name=name, **options)


def exclusion(*fields: str, name: str = "c") -> Any:
    return ExclusionConstraint(name=name, expressions=[(field, "=") for field in fields], index_type="SPGIST")


def remove(name: str = "c") -> migrations.RemoveConstraint:
    return migrations.RemoveConstraint("book", name)


def add(constraint: Any) -> migrations.AddConstraint:
    return migrations.AddConstraint("book", constraint)


#: The constraints that are there, the operations, and a row that violates what was there and what comes.
TWICE = "INSERT INTO shop_book (pages, shelf, title) VALUES (7, 7, 'seven')"
CHANGES: dict[str, tuple[list[Any], list[Any], str]] = {
    "check": ([check(pages__gt=0)], [remove(), add(check(pages__gte=0))], "INSERT INTO shop_book (pages) VALUES (-1)"),
    "check of another name": (
        [check(pages__gt=0)],
        [remove(), add(check("d", pages__gte=0))],
        "INSERT INTO shop_book (pages) VALUES (-1)",
    ),
    "check, not valid": (
        [check(pages__gt=0)],
        [remove(), AddConstraintNotValid("book", check(pages__gte=0))],
        "INSERT INTO shop_book (pages) VALUES (-1)",
    ),
    "two checks": (
        [check(pages__gt=0), check("d", shelf__gt=0)],
        [remove(), remove("d"), add(check("d", shelf__gte=0)), add(check(pages__gte=0))],
        "INSERT INTO shop_book (pages) VALUES (-1)",
    ),
    "the other of two checks": (
        [check(pages__gt=0), check("d", shelf__gt=0)],
        [remove(), remove("d"), add(check(pages__gte=0)), add(check("d", shelf__gte=0))],
        "INSERT INTO shop_book (shelf) VALUES (-1)",
    ),
    "check with a new column between": (
        [check(pages__gt=0)],
        [
            remove(),
            migrations.AddField("book", "rank", models.IntegerField(null=True)),
            migrations.AddIndex("book", models.Index(fields=["shelf"], name="by_shelf")),
            migrations.AlterModelOptions("book", {"verbose_name": "a book"}),
            add(models.CheckConstraint(name="c", **{CONDITION: Q(pages__gte=0) & (Q(rank=None) | Q(rank__gt=0))})),
        ],
        "INSERT INTO shop_book (pages) VALUES (-1)",
    ),
    "unique": ([unique("pages")], [remove(), add(unique("pages", "shelf"))], TWICE),
    "unique of another name": ([unique("pages")], [remove(), add(unique("pages", "shelf", name="d"))], TWICE),
    "unique, deferrable": (
        [unique("pages")],
        [remove(), add(unique("pages", deferrable=models.Deferrable.IMMEDIATE))],
        TWICE,
    ),
    "unique with a condition": (
        [unique("pages", condition=Q(shelf=7))],
        [remove(), add(unique("pages", condition=Q(title="seven")))],
        TWICE,
    ),
    "unique to one with a condition": (
        [unique("pages")],
        [remove(), add(unique("pages", condition=Q(shelf=7)))],
        TWICE,
    ),
    "unique from one with a condition": (
        [unique("pages", condition=Q(shelf=7))],
        [remove(), add(unique("pages", "title"))],
        TWICE,
    ),
    "unique to check": ([unique("shelf")], [remove(), add(check(pages__lt=8))], TWICE.replace("7, 7", "9, 7")),
    "check to unique": ([check(pages__gt=0)], [remove(), add(unique("title"))], TWICE.replace("7, 7", "-1, 7")),
    "check to unique with a condition": (
        [check(pages__gt=0)],
        [remove(), add(unique("title", condition=Q(shelf=7)))],
        TWICE.replace("7, 7", "-1, 7"),
    ),
    "exclusion": (
        [exclusion("title")],
        [
            remove(),
            add(ExclusionConstraint(name="c", expressions=[("title", "=")], index_type="SPGIST", condition=Q(pages=7))),
        ],
        TWICE,
    ),
}
each = pytest.mark.parametrize("name", CHANGES)
#: Of the exclusion constraint, which is built under its lock.
pytestmark = pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")


def prepared(shop: Shop, constraints: list[Any]) -> None:
    shop.migrate(migrations.CreateModel("book", FIELDS, {"constraints": constraints}))
    shop.run(TWICE)


@pytest.fixture
def writer(observer: Any) -> Any:
    run(observer, "SET lock_timeout = '5s'")
    return observer


def refused(shop: Shop, writer: Any, sql: str) -> AbstractContextManager[list[str]]:
    def attempt() -> None:
        assert is_refused(writer, sql), "a row was accepted that violates the old and the new constraint"

    return before_each_statement(shop.connection, attempt)


@each
def test_a_row_that_violates_both_is_never_accepted(shop: Shop, writer: Any, name: str) -> None:
    constraints, operations, sql = CHANGES[name]
    prepared(shop, constraints)
    with refused(shop, writer, sql):
        shop.migrate(*operations)
    if not any(isinstance(operation, migrations.AddField) for operation in operations):
        # A column that goes takes the constraint with it.
        with refused(shop, writer, sql):
            shop.unapply()


@each
def test_the_schema_is_that_of_stock(twins: Twins, name: str) -> None:
    constraints, operations, _ = CHANGES[name]
    for shop in (twins.ours, twins.stock):
        prepared(shop, constraints)
    twins.migrate(*operations)
    for shop in (twins.ours, twins.stock):
        shop.unapply()
    twins.compare()


@each
def test_a_script_has_no_gap_either(twins: Twins, name: str) -> None:
    constraints, operations, _ = CHANGES[name]
    for shop in (twins.ours, twins.stock):
        prepared(shop, constraints)
    script = twins.ours.script(*operations)
    run_script(twins.ours, script)
    twins.stock.migrate(*operations)
    twins.compare()


def run_script(shop: Shop, script: str) -> None:
    for line in script.splitlines():
        if not line.startswith("--"):
            shop.run(line)


def test_what_the_rows_refuse_leaves_the_old_constraint(shop: Shop, writer: Any) -> None:
    prepared(shop, [check(pages__gt=0)])
    with pytest.raises(IntegrityError) as caught:
        shop.migrate(remove(), add(check(pages__gt=7)))
    assert "The migration can be run again." in told(caught.value)
    assert run(writer, CONSTRAINTS) == [("c", True, "CHECK ((pages > 0))")]
    shop.run("DELETE FROM shop_book")
    shop.migrate(remove(), add(check(pages__gt=7)))
    assert run(writer, CONSTRAINTS) == [("c", True, "CHECK ((pages > 7))")]


CONSTRAINTS = """
SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = 'shop_book'::regclass AND contype = 'c'
"""


#: Operations that need the constraint to be gone, or may need it.
BARRIERS = {
    "own SQL": migrations.RunSQL("SELECT 1"),
    "another type": migrations.AlterField("book", "title", models.CharField(max_length=30, null=True)),
    "a column that goes": migrations.RemoveField("book", "shelf"),
}


@pytest.mark.parametrize("name", BARRIERS)
def test_a_gap_that_stays_is_told(shop: Shop, caplog: Any, name: str) -> None:
    prepared(shop, [check(pages__gt=0)])
    shop.migrate(remove(), BARRIERS[name], add(check(pages__gte=0)))
    assert "has neither the old constraint c nor the new one for a while" in caplog.text
    assert shop.run(CONSTRAINTS) == [("c", True, "CHECK ((pages >= 0))")]


def test_a_constraint_that_only_goes_goes_at_once(shop: Shop, caplog: Any) -> None:
    prepared(shop, [check(pages__gt=0), check("d", shelf__gt=0)])
    shop.migrate(remove(), migrations.AddField("book", "rank", models.IntegerField(null=True)), remove("d"))
    assert shop.run(CONSTRAINTS) == []
    assert "for a while" not in caplog.text


@pytest.mark.parametrize("installed", [True, False])
def test_whole_runs_and_their_interruptions(site: Site, observer: Any, installed: bool) -> None:
    """Killed before each of its steps, the next run goes on, and the row is refused at every moment between."""
    site.settings["ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL"] = True
    if installed:
        site.settings["INSTALLED_APPS"] = ["django_zero_downtime_migrations", "shop"]
    site.add(migrations.CreateModel("book", FIELDS, {"constraints": [check(pages__gt=0), unique("shelf", name="u")]}))
    site.migrate()
    run(observer, TWICE)
    site.add(remove(), remove("u"), add(check(pages__gte=0)), add(unique("shelf", "title", name="u")))
    site.migrate()
    assert run(observer, CONSTRAINTS) == [("c", True, "CHECK ((pages >= 0))")]
    assert is_refused(observer, "INSERT INTO shop_book (pages) VALUES (-1)")
    site.migrate("shop", "0001")
    assert run(observer, CONSTRAINTS) == [("c", True, "CHECK ((pages > 0))")]
    assert is_refused(observer, TWICE)


@pytest.mark.parametrize("gone", ["DROP CONSTRAINT c", "DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (pages >= 0)"])
def test_what_was_dropped_by_hand_is_seen_with_idempotent_sql(shop: Shop, settings: Any, gone: str) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_IDEMPOTENT_SQL = True
    prepared(shop, [check(pages__gt=0)])
    shop.run(f"ALTER TABLE shop_book {gone}")
    shop.migrate(remove(), add(check(pages__gte=0)))
    assert shop.run(CONSTRAINTS) == [("c", True, "CHECK ((pages >= 0))")]
