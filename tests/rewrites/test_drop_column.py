"""Objects that depend on a column or table go first, one short step each, so that each step locks little."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.locks import LockMode
from tests.backends.project import Shop
from tests.backends.sessions import run

from .seen import held, strongest

KEY = ("id", models.BigAutoField(primary_key=True))
OTHERS = ("author", "shelf")
EXPLICIT = "ZERO_DOWNTIME_MIGRATIONS_EXPLICIT_CONSTRAINTS_DROP"


@pytest.fixture
def tables(shop: Shop) -> Shop:
    """A table with two foreign keys, and an index over one of their columns and another one."""
    keys = [(name, models.ForeignKey(f"shop.{name}", models.CASCADE)) for name in OTHERS]
    book = migrations.CreateModel("book", [KEY, ("pages", models.IntegerField()), *keys])
    shop.migrate(*(migrations.CreateModel(name, [KEY]) for name in OTHERS), book)
    shop.run("CREATE INDEX by_both ON shop_book (pages, author_id)")
    return shop


def test_at_once_it_locks_every_table_behind_a_foreign_key(open_session: Any) -> None:
    session = open_session()
    run(session, "CREATE TABLE author (id int PRIMARY KEY); CREATE TABLE shelf (id int PRIMARY KEY)")
    run(session, "CREATE TABLE book (author int REFERENCES author, shelf int REFERENCES shelf)")
    session.commit()
    run(session, "DROP TABLE book")
    assert strongest(session, "author") is strongest(session, "shelf") is LockMode.ACCESS_EXCLUSIVE


def test_a_table_has_its_foreign_keys_dropped_one_by_one(tables: Shop, watch: Any) -> None:
    locked = held(watch(migrations.DeleteModel("book")))
    behind = [{name.strip('"') for name in locks} & {"shop_author", "shop_shelf"} for locks in locked]
    assert sorted(map(sorted, behind)) == [[], ["shop_author"], ["shop_shelf"]]
    assert behind[-1] == set()


@pytest.mark.parametrize("explicit", [True, False])
def test_what_hangs_on_a_column_goes_first_where_that_is_wanted(tables: Shop, settings: Any, explicit: bool) -> None:
    setattr(settings, EXPLICIT, explicit)
    lines = tables.collected(migrations.RemoveField("book", "pages"))
    index, column = ([number for number, line in enumerate(lines) if x in line] for x in ("by_both", "DROP COLUMN"))
    assert bool(index) is explicit
    assert index < column


def test_a_foreign_key_that_django_drops_itself_is_dropped_once(tables: Shop) -> None:
    lines = tables.collected(migrations.RemoveField("book", "author"))
    assert len([line for line in lines if line.startswith("ALTER TABLE") and "DROP CONSTRAINT" in line]) == 1
    assert 'ALTER TABLE "shop_book" DROP COLUMN "author_id";' in lines


def test_a_view_of_it_is_named_and_nothing_is_dropped(tables: Shop) -> None:
    tables.run("CREATE VIEW thick AS SELECT pages FROM shop_book")
    with pytest.raises(CannotMigrate, match="thick"):
        tables.migrate(migrations.RemoveField("book", "pages"))
    assert tables.run("SELECT to_regclass('by_both')::text, count(*) FROM thick") == [("by_both", 0)]
