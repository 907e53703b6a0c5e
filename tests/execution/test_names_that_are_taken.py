"""Names that something in the database has already, and names that the server cuts."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, migrations, models
from django.db.models import Q

from tests.backends.fixtures import Twins
from tests.execution.test_bad_input import AUTHOR, BOOK, check

#: As django-taggit has one in its migrations: the server keeps 63 bytes of it.
LONG = "taggit_taggeditem_content_type_id_object_id_tag_id_4bb97a8e_uniq_"
INDEXES = "SELECT indexname FROM pg_indexes WHERE tablename = 'shop_book' ORDER BY 1"


def index(name: str, field: str) -> Any:
    made = migrations.AddIndex("book", models.Index(fields=[field], name="x"))
    # Django refuses more than 30 characters when it makes the index; a hand-written migration may still have them.
    made.index.name = name
    return made


def unique(name: str, **options: Any) -> Any:
    return migrations.AddConstraint("book", models.UniqueConstraint(fields=["title"], name=name, **options))


LONG_NAMES = {
    "index": (index(LONG, "title"), migrations.RemoveIndex("book", LONG)),
    "unique constraint": (unique(LONG), migrations.RemoveConstraint("book", LONG)),
    "conditional unique constraint": (
        unique(LONG, condition=Q(pages__gt=0)),
        migrations.RemoveConstraint("book", LONG),
    ),
    "renamed index": (
        migrations.RenameIndex("book", new_name=LONG, old_name="by_number"),
        migrations.RenameIndex("book", new_name="by_number", old_name=LONG),
    ),
    "check": (
        migrations.AddConstraint("book", check(Q(pages__gt=0), LONG)),
        migrations.RemoveConstraint("book", LONG),
    ),
    "column": (
        migrations.AddField("book", "weight", models.IntegerField(null=True, db_column=LONG)),
        migrations.RemoveField("book", "weight"),
    ),
    "unique column with a check": (
        migrations.AddField("book", "weight", models.PositiveIntegerField(null=True, unique=True, db_column=LONG)),
        migrations.RemoveField("book", "weight"),
    ),
}
TAKES_A_NAME = {
    "index": index("by_title", "number"),
    "unique constraint": unique("by_title"),
    "conditional unique constraint": unique("by_title", condition=Q(pages__gt=0)),
}


@pytest.fixture
def books(twins: Twins) -> Twins:
    twins.migrate(AUTHOR, BOOK)
    return twins


@pytest.mark.parametrize(("made", "gone"), LONG_NAMES.values(), ids=LONG_NAMES)
def test_name_that_the_server_cuts_is_as_with_stock_on_a_table_in_use(books: Twins, made: Any, gone: Any) -> None:
    books.migrate(index("by_number", "number"))
    books.migrate(made)
    books.migrate(gone)


def test_history_with_names_that_the_server_cuts_begins_as_with_stock(twins: Twins) -> None:
    twins.migrate(AUTHOR, BOOK, unique(LONG), LONG_NAMES["column"][0])


@pytest.mark.parametrize("operation", TAKES_A_NAME.values(), ids=TAKES_A_NAME)
def test_index_that_has_the_name_already_stays(books: Twins, operation: Any) -> None:
    books.run("CREATE INDEX by_title ON shop_book (title)")
    before = books.dump(books.ours.connection)
    with pytest.raises(DatabaseError, match="by_title"):
        books.ours.migrate(operation)
    assert books.dump(books.ours.connection) == before


def test_index_whose_name_is_another_ones_when_it_is_cut_leaves_that_one_in_place(books: Twins) -> None:
    books.run(f'CREATE INDEX "{LONG[:63]}" ON shop_book (title)')
    before = books.dump(books.ours.connection)
    with pytest.raises(DatabaseError, match=LONG[:63]):
        books.ours.migrate(index(LONG, "number"))
    assert books.dump(books.ours.connection) == before


def test_names_that_the_server_cuts_several_operations_in_one_migration(books: Twins) -> None:
    books.migrate(unique(LONG), migrations.RemoveConstraint("book", LONG), index(LONG, "title"))
    books.migrate(migrations.RemoveIndex("book", LONG), unique(LONG))
    books.migrate(
        migrations.RemoveConstraint("book", LONG),
        migrations.AddConstraint("book", models.UniqueConstraint(fields=["number"], name=LONG)),
        migrations.RemoveField("book", "title"),
    )


def test_column_with_a_name_that_the_server_cuts_changes(books: Twins) -> None:
    def weight(**options: Any) -> Any:
        return migrations.AlterField("book", "weight", models.CharField(max_length=10, db_column=LONG, **options))

    books.migrate(migrations.AddField("book", "weight", models.CharField(max_length=10, db_column=LONG, null=True)))
    books.migrate(weight(null=True, unique=True))
    books.migrate(weight(null=True, db_index=True))
    books.migrate(weight(default="x"))
    books.migrate(weight(null=True))
    books.migrate(migrations.RemoveField("book", "weight"))
