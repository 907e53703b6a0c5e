"""Templates that a subclass has changed: their text is carried out, as with the same subclass of Django's editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor
from django.db.models import Q

from django_zero_downtime_migrations.backends.postgres.schema import (
    DatabaseSchemaEditor,
    Unsafe,
    UnsafeOperationException,
)
from tests.backends.fixtures import Twins
from tests.backends.project import Shop
from tests.backends.test_mixin import AUTHOR, BOOK, BY_TITLE
from tests.operations.case import check

ADD = "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s"
FULL = "WITH (fillfactor = 70)"
CASCADING = (
    "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s FOREIGN KEY (%(column)s) "
    "REFERENCES %(to_table)s (%(to_column)s) ON DELETE CASCADE%(deferrable)s"
)
CALLS: list[Any] = [
    pytest.param(
        {"sql_create_index": f"CREATE INDEX %(name)s ON %(table)s%(using)s (%(columns)s)%(include)s {FULL}"},
        [migrations.AddIndex("book", BY_TITLE)],
        id="create_index",
    ),
    pytest.param(
        {"sql_create_index": "CREATE INDEX IF NOT EXISTS %(name)s ON %(table)s%(using)s (%(columns)s)%(extra)s"},
        [migrations.RunSQL("CREATE INDEX by_title ON shop_book (pages)"), migrations.AddIndex("book", BY_TITLE)],
        id="create_index_if_not_exists",
    ),
    pytest.param(
        {"sql_create_fk": CASCADING, "sql_create_column_inline_fk": None},
        [migrations.AddField("book", "editor", models.ForeignKey("shop.author", models.CASCADE, null=True))],
        id="create_fk",
    ),
    pytest.param(
        {"sql_create_unique_index": "CREATE UNIQUE INDEX %(name)s ON %(table)s (%(columns)s) WITH (fillfactor = 70)"},
        [migrations.AddConstraint("book", models.UniqueConstraint(fields=["title"], condition=Q(pages=1), name="one"))],
        id="create_unique_index",
    ),
    pytest.param(
        {"sql_create_unique": f"{ADD} UNIQUE (%(columns)s) {FULL}"},
        [migrations.AddConstraint("book", models.UniqueConstraint(fields=["title"], name="one"))],
        id="create_unique",
    ),
    pytest.param(
        {"sql_create_pk": f"{ADD} PRIMARY KEY (%(columns)s) {FULL}"},
        [
            migrations.RemoveField("book", "id"),
            migrations.RunSQL(
                "UPDATE shop_book SET pages = length(title), title = 'a'; DELETE FROM shop_book WHERE pages IS NULL"
            ),
            migrations.AlterField("book", "pages", models.IntegerField(primary_key=True)),
        ],
        id="create_pk",
    ),
    pytest.param(
        {"sql_create_check": "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s CHECK (%(check)s) NO INHERIT"},
        [migrations.AddConstraint("book", check(Q(pages__gte=0), "counted"))],
        id="create_check",
    ),
    pytest.param(
        {"sql_create_table": "CREATE UNLOGGED TABLE %(table)s (%(definition)s)"},
        [migrations.CreateModel("shelf", [("id", models.BigAutoField(primary_key=True))])],
        id="create_table",
    ),
    pytest.param(
        {"sql_create_column": "ALTER TABLE %(table)s ADD COLUMN IF NOT EXISTS %(column)s %(definition)s"},
        [
            migrations.RunSQL("ALTER TABLE shop_book ADD COLUMN x text"),
            migrations.AddField("book", "x", models.IntegerField(null=True)),
        ],
        id="create_column",
    ),
    pytest.param(
        {"sql_alter_column_type": "ALTER COLUMN %(column)s TYPE %(type)s USING right(%(column)s, 1)::%(type)s"},
        [migrations.AlterField("book", "title", models.CharField(max_length=40, null=True))],
        id="alter_column_type",
    ),
    pytest.param(
        {"sql_update_with_default": "UPDATE %(table)s SET %(column)s = upper(%(default)s) WHERE %(column)s IS NULL"},
        [migrations.AlterField("book", "title", models.CharField(max_length=20, default="a"))],
        id="update_with_default",
    ),
    pytest.param(
        {"sql_alter_column_not_null": "ALTER COLUMN %(column)s SET NOT NULL, ALTER COLUMN %(column)s SET STATISTICS 7"},
        [migrations.AlterField("book", "title", models.CharField(max_length=20, default="a"))],
        id="not_null",
    ),
    pytest.param(
        {"sql_delete_table": "ALTER TABLE %(table)s RENAME TO kept"},
        [migrations.DeleteModel("book")],
        id="delete_table",
    ),
    pytest.param(
        {"sql_delete_column": "ALTER TABLE %(table)s ALTER COLUMN %(column)s DROP NOT NULL"},
        [migrations.RemoveField("book", "pages")],
        id="delete_column",
    ),
    pytest.param(
        {"sql_delete_index": "ALTER INDEX %(name)s RENAME TO kept"},
        [migrations.AddIndex("book", BY_TITLE), migrations.RemoveIndex("book", "by_title")],
        id="delete_index",
    ),
    pytest.param(
        {"sql_delete_constraint": "ALTER TABLE %(table)s RENAME CONSTRAINT %(name)s TO kept"},
        [
            migrations.AddConstraint("book", check(Q(pages__gte=0), "counted")),
            migrations.RemoveConstraint("book", "counted"),
        ],
        id="delete_constraint",
    ),
    pytest.param(
        {"sql_rename_column": "ALTER TABLE %(table)s ADD COLUMN %(new_column)s integer"},
        [migrations.RenameField("book", "pages", "sheets")],
        id="rename_column",
    ),
    pytest.param(
        {"sql_rename_table": "CREATE VIEW %(new_table)s AS SELECT * FROM %(old_table)s"},
        [migrations.AlterModelTable("book", "volume")],
        id="rename_table",
    ),
]


@pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize(("templates", "operations"), CALLS)
def test_text_of_a_subclass_is_what_is_done(
    make_connection: Callable[..., BaseDatabaseWrapper],
    dump: Callable[..., str],
    templates: dict[str, Any],
    operations: list[Any],
    idempotent: bool,
) -> None:
    ours: Any = make_connection(ZERO_DOWNTIME_MIGRATIONS={"IDEMPOTENT_SQL": idempotent})
    stock: Any = make_connection(configured.STOCK_ENGINE)
    ours.SchemaEditorClass = type("Editor", (DatabaseSchemaEditor,), templates)
    stock.SchemaEditorClass = type("Editor", (PostgresSchemaEditor,), templates)
    twins = Twins(Shop(ours), Shop(stock), dump)
    twins.migrate(AUTHOR, BOOK)
    twins.run(
        "INSERT INTO shop_author VALUES (1); INSERT INTO shop_book (title, author_id) VALUES ('ab', 1), (NULL, 1)"
    )
    for operation in operations:
        twins.migrate(operation)
    if "shop_book" in ours.introspection.table_names():
        rows = [shop.run("SELECT t::text FROM shop_book t ORDER BY 1") for shop in (twins.ours, twins.stock)]
        assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("templates", "operation"),
    [
        (
            {"sql_create_unique": f"{ADD} UNIQUE (%(columns)s) {FULL}"},
            migrations.AddConstraint("book", models.UniqueConstraint(fields=["title"], name="one")),
        ),
        (
            {"sql_alter_column_not_null": "ALTER COLUMN %(column)s SET NOT NULL, ALTER %(column)s SET STATISTICS 7"},
            migrations.AlterField("book", "title", models.CharField(max_length=20)),
        ),
    ],
    ids=["unique", "not_null"],
)
def test_text_for_which_there_is_no_sequence_is_refused(
    make_connection: Callable[..., BaseDatabaseWrapper], templates: dict[str, Any], operation: Any
) -> None:
    connection: Any = make_connection(ZERO_DOWNTIME_MIGRATIONS={"RAISE_FOR_UNSAFE": True})
    shop = Shop(connection)
    shop.migrate(AUTHOR, BOOK)
    connection.SchemaEditorClass = type("Editor", (DatabaseSchemaEditor,), templates)
    with pytest.raises(UnsafeOperationException, match=Unsafe.NO_SAFE_FORM.splitlines()[0]):
        shop.migrate(operation)
