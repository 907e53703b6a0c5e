"""Plans that Django's own operations do not lead to, and what a plan does with its steps."""

from __future__ import annotations

import pytest
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.planning.registry import REWRITES, rewrites
from tests.operations.case import check

#: What stands around a short statement without timeouts.
AROUND = {"BEGIN;", "SET LOCAL synchronous_commit = local;", "COMMIT;"}
ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel(
    "book",
    [
        ID,
        ("pages", models.IntegerField(null=True)),
        ("author", models.ForeignKey("shop.author", models.CASCADE, null=True)),
    ],
)


@pytest.fixture
def books(shop):
    shop.migrate(migrations.CreateModel("author", [ID]), BOOK)
    shop.run("INSERT INTO shop_book (pages) VALUES (NULL), (1)")
    return shop


@pytest.fixture
def collect(books):
    """collect(sql, …): what an editor sends for texts that a package passes to `execute()`."""

    def collected(*texts):
        with books.connection.schema_editor(collect_sql=True) as editor:
            for text in texts:
                editor.execute(text(editor) if callable(text) else text, None)
        return [line for line in editor.collected_sql if not line.startswith("--") and line not in AROUND]

    return collected


def sent(books, *operations):
    return [line for line in books.collected(*operations) if not line.startswith("--") and line not in AROUND]


def key_of(books):
    return books.run("SELECT conname FROM pg_constraint WHERE conrelid = 'shop_book'::regclass AND contype = 'f'")[0][0]


def filled(editor, template, suffix="", **parts):
    blank = {"deferrable": "", "on_delete_db": "", "nulls_distinct": "", "condition": "", "include": ""}
    return getattr(editor, template) % (blank | {"table": '"shop_book"'} | parts) + suffix


def test_foreign_key_that_is_not_to_be_validated(collect):
    parts = {"name": '"k"', "column": '"pages"', "to_table": '"shop_author"', "to_column": '"id"'}
    (added,) = collect(lambda editor: filled(editor, "sql_create_fk", " NOT VALID", **parts))
    assert added.endswith('REFERENCES "shop_author" ("id") NOT VALID;')


def test_check_that_is_not_to_be_validated_and_its_validation(books):
    long = check(Q(pages__gt=0), "long")
    add, validate = sent(books, AddConstraintNotValid("book", long), ValidateConstraint("book", "long"))
    assert add.endswith(" NOT VALID;")
    assert validate == 'ALTER TABLE "shop_book" VALIDATE CONSTRAINT "long";'


def test_validation_of_a_foreign_key(books, caplog):
    name = key_of(books)
    books.run(f'ALTER TABLE shop_book DROP CONSTRAINT "{name}"')
    books.run(f'ALTER TABLE shop_book ADD CONSTRAINT "{name}" FOREIGN KEY (author_id) REFERENCES shop_author NOT VALID')
    with caplog.at_level("INFO", "django_zero_downtime_migrations"), books.connection.schema_editor() as editor:
        editor.execute(f'ALTER TABLE "shop_book" VALIDATE CONSTRAINT "{name}"')
    assert 'SHARE UPDATE EXCLUSIVE on "shop_book", ROW SHARE on "shop_author"' in caplog.text


def test_primary_key_with_an_unknown_clause_is_sent_as_it_is(collect):
    text = 'ALTER TABLE "shop_book" ADD CONSTRAINT "k" PRIMARY KEY ("pages") WITH (fillfactor = 50)'
    clause = " WITH (fillfactor = 50)"
    assert collect(
        lambda editor: filled(editor, "sql_create_pk", clause, name='"k"', columns='"pages"'),
    ) == [f"{text};"]


def test_update_of_nulls_alone_is_a_fill(books):
    parts = {"column": '"pages"', "default": "7"}
    with books.connection.schema_editor() as editor:
        editor.execute(filled(editor, "sql_update_with_default", **parts), None)
    assert books.run("SELECT pages FROM shop_book ORDER BY 1") == [(1,), (7,)]


def test_second_rewrite_of_a_kind_of_statement_is_an_error():
    with pytest.raises(TypeError, match=r"DropIndex has .*\.rewrites\.create_index already"):
        rewrites(s.DropIndex)(lambda statement, context: [])
    assert REWRITES[s.DropIndex].__module__ == "django_zero_downtime_migrations.rewrites.create_index"
