"""An object that one operation of a migration removes and a later one makes again, by whatever operations: it, or its
replacement, exists at every moment, forwards and back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django
import pytest
from django.db import IntegrityError, migrations, models

from tests.backends.fixtures import Twins
from tests.backends.project import Shop, Site
from tests.backends.sessions import run
from tests.concurrency.attempts import before_each_statement, is_refused

#: Django 4.2 has it, and warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:'index_together' is deprecated")
ID = ("id", models.BigAutoField(primary_key=True))
NUMBERS = [(name, models.IntegerField(null=True)) for name in ("a", "b", "c")]


def title(**options: Any) -> models.CharField:
    return models.CharField(max_length=20, null=True, **options)


def author(**options: Any) -> Any:
    return models.ForeignKey("shop.author", models.CASCADE, null=True, **options)


def alter(name: str, field: Any) -> migrations.AlterField:
    return migrations.AlterField("book", name, field)


def pairs(*sets: tuple[str, str]) -> migrations.AlterUniqueTogether:
    return migrations.AlterUniqueTogether("book", {*sets})


def unique(*fields: str) -> models.UniqueConstraint:
    return models.UniqueConstraint(fields=fields, name="once")


def index(*fields: str, name: str = "i") -> models.Index:
    return models.Index(fields=fields, name=name)


TWICE = "INSERT INTO shop_book (a, b, c, title) VALUES (1, 1, 1, 'one')"
ORPHAN = "INSERT INTO shop_book (author_id) VALUES (4711)"
COLUMN = migrations.AddField("book", "rank", models.IntegerField(null=True))
#: What the table has, the operations, and a row that is refused by what was there and by what comes.
CONSTRAINTS: dict[str, tuple[dict[str, Any], list[Any], str]] = {
    "unique together": ({"unique_together": {("a", "b")}}, [pairs(), pairs(("a", "b"))], TWICE),
    "unique together of others": ({"unique_together": {("a", "b")}}, [pairs(), pairs(("a", "c"))], TWICE),
    "one of two": (
        {"unique_together": {("a", "b"), ("b", "c")}},
        [pairs(("b", "c")), pairs(("b", "c"), ("a", "c"))],
        TWICE.replace("1, 1, 1", "1, NULL, 1"),
    ),
    "in three": (
        {"unique_together": {("a", "b"), ("b", "c")}},
        [pairs(("b", "c")), pairs(), pairs(("a", "b"), ("b", "c"))],
        TWICE,
    ),
    "with a column between": ({"unique_together": {("a", "b")}}, [pairs(), COLUMN, pairs(("a", "b"))], TWICE),
    "unique together to a constraint": (
        {"unique_together": {("a", "b")}},
        [pairs(), migrations.AddConstraint("book", unique("a", "b"))],
        TWICE,
    ),
    "a constraint to unique together": (
        {"constraints": [unique("a", "b")]},
        [migrations.RemoveConstraint("book", "once"), pairs(("a", "b"))],
        TWICE,
    ),
    "unique field": (
        {"title": title(unique=True)},
        [alter("title", title()), alter("title", title(unique=True))],
        TWICE,
    ),
    "unique field to a constraint": (
        {"title": title(unique=True)},
        [alter("title", title()), migrations.AddConstraint("book", unique("title"))],
        TWICE,
    ),
    "foreign key": (
        {},
        [alter("author", author(db_constraint=False)), alter("author", author())],
        ORPHAN,
    ),
}
each = pytest.mark.parametrize("name", CONSTRAINTS)


def prepared(shop: Shop, has: dict[str, Any]) -> None:
    fields = [ID, *NUMBERS, ("title", has.get("title", title())), ("author", has.get("author", author()))]
    options = {name: value for name, value in has.items() if name not in ("title", "author")}
    shop.migrate(migrations.CreateModel("author", [ID]), migrations.CreateModel("book", fields, options))
    shop.run(TWICE)
    shop.run("INSERT INTO shop_book (a, c) VALUES (1, NULL)")


@pytest.fixture
def writer(observer: Any) -> Any:
    run(observer, "SET lock_timeout = '5s'")
    return observer


def row_of(name: str, sql: str, shop: Shop) -> str:
    if name == "one of two":
        shop.run("DELETE FROM shop_book")
        shop.run(TWICE)
        return TWICE
    return sql


def refused(writer: Any, sql: str) -> Callable[[], None]:
    def attempt() -> None:
        assert is_refused(writer, sql), "a row was accepted that violates the old and the new constraint"

    return attempt


@each
def test_a_row_that_violates_both_is_never_accepted(shop: Shop, writer: Any, name: str, caplog: Any) -> None:
    has, operations, sql = CONSTRAINTS[name]
    prepared(shop, has)
    attempt = refused(writer, row_of(name, sql, shop))
    with before_each_statement(shop.connection, attempt):
        shop.migrate(*operations)
    if COLUMN not in operations:
        # A column that goes may take a constraint with it.
        with before_each_statement(shop.connection, attempt):
            shop.unapply()
    assert "for a while" not in caplog.text


@each
def test_the_schema_is_that_of_stock(twins: Twins, name: str) -> None:
    has, operations, _ = CONSTRAINTS[name]
    for shop in (twins.ours, twins.stock):
        prepared(shop, has)
    twins.migrate(*operations)
    twins.compare()
    for shop in (twins.ours, twins.stock):
        shop.unapply()
    twins.compare()


@each
def test_a_script_has_no_gap_either(twins: Twins, name: str) -> None:
    has, operations, sql = CONSTRAINTS[name]
    for shop in (twins.ours, twins.stock):
        prepared(shop, has)
    row = row_of(name, sql, twins.ours)
    for line in twins.ours.script(*operations).splitlines():
        if not line.startswith("--"):
            twins.ours.run(line)
            if line not in ("BEGIN;",):
                assert _refused_inside(twins.ours, row)
    twins.stock.migrate(*operations)
    twins.compare()


def _refused_inside(shop: Shop, sql: str) -> bool:
    """Return whether the session of the script itself is refused, which may have a transaction open."""
    done = shop.run(
        "DO $$ BEGIN "
        f"{sql}; SET CONSTRAINTS ALL IMMEDIATE; RAISE EXCEPTION 'accepted'; "
        "EXCEPTION WHEN integrity_constraint_violation THEN NULL; END $$"
    )
    return done == []


@each
def test_gone_on_with_after_an_interruption(site: Site, observer: Any, name: str) -> None:
    """Bad rows stop it in the middle; the next run goes on, from what the journal has."""
    has, operations, sql = CONSTRAINTS[name]
    fields = [ID, *NUMBERS, ("title", has.get("title", title())), ("author", has.get("author", author()))]
    options = {key: value for key, value in has.items() if key not in ("title", "author")}
    site.add(migrations.CreateModel("author", [ID]), migrations.CreateModel("book", fields, options))
    site.migrate()
    run(observer, TWICE)
    row = TWICE if name == "one of two" else sql
    stop = migrations.RunSQL("SELECT 1 / count(*) FROM shop_author", "SELECT 1 / count(*) FROM shop_author")
    site.add(*operations, stop)
    site.refused()
    assert is_refused(observer, row)
    run(observer, "INSERT INTO shop_author DEFAULT VALUES")
    site.migrate()
    assert is_refused(observer, row)
    run(observer, "DELETE FROM shop_author")
    site.refused("migrate", "shop", "0001")
    run(observer, "INSERT INTO shop_author DEFAULT VALUES")
    site.migrate("shop", "0001")
    assert is_refused(observer, row)


def test_what_the_rows_refuse_leaves_the_old_one(shop: Shop, writer: Any) -> None:
    prepared(shop, {"unique_together": {("a", "b")}})
    shop.run("INSERT INTO shop_book (a, b, c) VALUES (1, 2, 1)")
    with pytest.raises(IntegrityError):
        shop.migrate(pairs(), pairs(("a", "c")))
    assert is_refused(writer, TWICE)
    shop.run("DELETE FROM shop_book WHERE b = 2")
    shop.migrate(pairs(), pairs(("a", "c")))
    assert is_refused(writer, TWICE)


#: An index by its columns; the definition after it has the first of these as well.
INDEXES: dict[str, tuple[dict[str, Any], list[Any], str]] = {
    "field": (
        {"title": title(db_index=True)},
        [alter("title", title()), alter("title", title(db_index=True))],
        "title",
    ),
    "of a foreign key": ({}, [alter("author", author(db_index=False)), alter("author", author())], "author_id"),
    "index of the same name": (
        {"indexes": [index("a")]},
        [migrations.RemoveIndex("book", "i"), migrations.AddIndex("book", index("a", "b"))],
        "a",
    ),
    "index of another name": (
        {"indexes": [index("a")]},
        [migrations.RemoveIndex("book", "i"), migrations.AddIndex("book", index("a", "b", name="j"))],
        "a",
    ),
    "field to index": (
        {"title": title(db_index=True)},
        [alter("title", title()), migrations.AddIndex("book", index("title"))],
        "title",
    ),
}
if django.VERSION < (5, 1):
    INDEXES["index together"] = (
        {"index_together": {("a", "b")}},
        [migrations.AlterIndexTogether("book", set()), migrations.AlterIndexTogether("book", {("a", "c")})],
        "a",
    )
IS_INDEXED = """
SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = 'shop_book'::regclass AND a.attname = %s AND i.indisvalid
"""


@pytest.mark.parametrize("name", INDEXES)
def test_there_is_always_an_index(shop: Shop, writer: Any, name: str) -> None:
    has, operations, column = INDEXES[name]
    prepared(shop, has)

    def attempt() -> None:
        assert run(writer, IS_INDEXED, column), "there was no index for a while"

    with before_each_statement(shop.connection, attempt):
        shop.migrate(*operations)
    if name not in ("index of the same name", "index of another name"):
        with before_each_statement(shop.connection, attempt):
            shop.unapply()


@pytest.mark.parametrize("name", INDEXES)
def test_the_indexes_are_those_of_stock(twins: Twins, name: str) -> None:
    has, operations, _ = INDEXES[name]
    for shop in (twins.ours, twins.stock):
        prepared(shop, has)
    twins.migrate(*operations)
    twins.compare()
    for shop in (twins.ours, twins.stock):
        shop.unapply()
    twins.compare()


#: What may need it to be gone.
GAPS = {
    "unique together": ({"unique_together": {("a", "b")}}, pairs(), pairs(("a", "b"))),
    "unique field": ({"title": title(unique=True)}, alter("title", title()), alter("title", title(unique=True))),
    "index of a field": (
        {"title": title(db_index=True)},
        alter("title", title()),
        alter("title", title(db_index=True)),
    ),
}


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_that_stays_is_told(shop: Shop, caplog: Any, name: str) -> None:
    has, removes, makes = GAPS[name]
    prepared(shop, has)
    shop.migrate(removes, migrations.RunSQL("SELECT 1", "SELECT 1"), makes)
    assert "nor the new one for a while" in caplog.text
    caplog.clear()
    shop.unapply()
    assert "nor the new one for a while" in caplog.text


def test_what_only_goes_goes_at_once(shop: Shop, writer: Any, caplog: Any) -> None:
    prepared(shop, {"unique_together": {("a", "b")}, "title": title(unique=True)})
    shop.migrate(pairs(), alter("title", title()), migrations.RunSQL("SELECT 1", "SELECT 1"), COLUMN)
    assert not is_refused(writer, TWICE)
    assert "for a while" not in caplog.text
