from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.models.indexes import Index

from .verbs import assert_finding, assert_safe


class FilledUnique(models.UniqueConstraint):
    """A package's own constraint, with a clause that Django does not have."""

    def create_sql(self, model, schema_editor):
        return str(super().create_sql(model, schema_editor)) + " WITH (fillfactor = 70)"


class Commented(Index):
    """A package's own index, whose statement does not begin as Django's does."""

    def create_sql(self, model, schema_editor, using="", **kwargs):
        statement = super().create_sql(model, schema_editor, using, **kwargs)
        statement.template = type(statement.template)(
            statement.template.replace("CREATE", "CREATE  "), "sql_create_index"
        )
        return statement


class DropBoth(migrations.AlterField):
    """Two actions in one statement."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        table = {"table": '"shop_book"', "changes": 'ALTER "pages" DROP DEFAULT, ALTER "title" DROP NOT NULL'}
        schema_editor.execute(schema_editor.sql_alter_column % table)


@pytest.mark.parametrize(
    "operation, names",
    [
        (
            migrations.AddConstraint("book", FilledUnique(fields=["pages"], name="once")),
            ('"shop_book"', '"once"', "fillfactor"),
        ),
        (migrations.AddIndex("book", Commented(fields=["pages"], name="by_pages")), ('"shop_book"', '"by_pages"')),
    ],
    ids=["constraint", "index"],
)
def test_clause_that_we_do_not_know(books, operation, names):
    found = assert_finding(books, "NO_SAFE_FORM", operation, names=names)
    assert (found.origin.app, found.origin.model) == ("shop", "book")


def test_several_actions_in_one_statement(books):
    operation = DropBoth("book", "title", models.CharField(max_length=20, null=True))
    assert_finding(books, "NO_SAFE_FORM", operation, names=('"shop_book"', '"title" DROP NOT NULL'))


def test_djangos_own_constraint_and_index(books):
    assert_safe(
        books,
        migrations.AddConstraint("book", models.UniqueConstraint(fields=["pages"], name="once")),
        migrations.AddIndex("book", Index(fields=["pages"], name="by_pages")),
    )
