"""The remains of an online change that no migration goes on with are named by `check --database`."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.database_checks import check_left
from tests.backends.project import Shop, Site
from tests.backends.sessions import run

from .online import BIG, LEFT, TYPE

W011 = "zero_downtime_migrations.W011"


def begun(shop: Shop, *operations: Any, until: str = "COMMIT") -> None:
    """Send the first step of a change, and no more. :param until: what the last line that is sent has in it."""
    lines = shop.collected(*operations)
    begin = next(n for n, line in enumerate(lines) if "ADD COLUMN" in line)
    end = next(n for n, line in enumerate(lines) if n > begin and until in line)
    for line in lines[begin:end]:
        shop.run(line)


def test_what_is_left_is_named_with_the_sql_that_takes_it_away(books: Shop) -> None:
    begun(books, BIG)

    (warning,) = check_left(databases=[books.alias])

    assert warning.id == W011
    assert '"pages" of "public"."shop_book"' in warning.msg
    books.run(str(warning.hint).partition("run: ")[2])
    assert check_left(databases=[books.alias]) == []
    assert books.run(LEFT) == []
    assert books.run(TYPE) == [("integer",)]


def test_a_foreign_key_that_is_of_the_new_column_is_named(books: Shop) -> None:
    begun(books, BIG)
    books.run("CREATE TABLE shelf (id bigint PRIMARY KEY); INSERT INTO shelf SELECT generate_series(0, 5000)")
    new = books.run("SELECT attname FROM pg_attribute WHERE attname LIKE '~pages%' AND attnum > 0 LIMIT 1")[0][0]
    books.run(f'ALTER TABLE shop_book ADD CONSTRAINT on_shelf FOREIGN KEY ("{new}") REFERENCES shelf')

    (warning,) = check_left(databases=[books.alias])

    assert "Foreign keys are of the new column: make them of the old one (on_shelf of shop_book)" in str(warning.hint)


@pytest.mark.parametrize("name", ["~notes_zdm_new", "~x_00000000_zdm_new", "plain"])
def test_columns_that_are_called_alike_are_none_of_ours(books: Shop, name: str) -> None:
    books.run(f'ALTER TABLE shop_book ADD COLUMN "{name}" int')
    assert check_left(databases=[books.alias]) == []


def test_where_it_is_not_asked_for_no_database_is_looked_at(books: Shop) -> None:
    begun(books, BIG)
    assert check_left() == check_left(databases=[]) == []


def test_what_goes_on_is_not_left(site: Site, database: BaseDatabaseWrapper) -> None:
    """Interrupted, it is not; when its migration is faked, it is."""
    site.settings["INSTALLED_APPS"] = ["django_zero_downtime_migrations", "shop"]
    site.settings["ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES"] = True
    fields = [("id", models.BigAutoField(primary_key=True)), ("n", models.IntegerField())]
    site.add(migrations.CreateModel("order", fields))
    site.migrate()
    run(database, "INSERT INTO shop_order (n) SELECT generate_series(1, 30000)")
    site.add(migrations.AlterField("order", "n", models.BigIntegerField()))
    site.settings["ZERO_DOWNTIME_MIGRATIONS_BACKFILL_MAX_DURATION"] = "1ms"
    assert site.manage("migrate").returncode == 3
    assert W011 not in site.manage("check", "--database", "default").stdout

    site.manage("migrate", "--fake")
    said = site.manage("check", "--database", "default").stdout

    assert W011 in said, said
    assert '"n" of "public"."shop_order"' in said
