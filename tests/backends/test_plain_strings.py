"""The driver gets a ``str`` and not a subclass of it, whatever the schema editor keeps beside its text."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from django_zero_downtime_migrations.ddl.template import SQL, Template
from tests.backends.project import Shop
from tests.backends.test_mixin import AUTHOR, BOOK, CHANGES
from tests.operations.case import check

TIMED = {"LOCK_TIMEOUT": "2s", "FLEXIBLE_STATEMENT_TIMEOUT": True}
SETTINGS: list[dict[str, Any]] = [
    {},
    TIMED,
    TIMED | {"LOCK_RETRY_TIMEOUT": "20s"},
    TIMED | {"IDEMPOTENT_SQL": True},
    {"DEFERRED_SQL": False, "EXPLICIT_CONSTRAINTS_DROP": False},
]
MORE = [
    migrations.AlterField("author", "id", models.BigAutoField(primary_key=True, db_comment="it's")),
    migrations.AddConstraint("book", check(Q(pages__gte=0), "counted")),
    migrations.RunSQL(["SELECT 1", ("UPDATE shop_book SET title = %s", ["100 %"])], "SELECT 2"),
    migrations.RunSQL("CREATE INDEX CONCURRENTLY by_hand ON shop_book (title)", "DROP INDEX by_hand"),
    migrations.RenameField("author", "id", "number"),
    migrations.AlterModelTable("author", "writer"),
]
pytestmark = pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")


@pytest.fixture(params=SETTINGS, ids=lambda settings: "-".join(settings) or "none")
def shop(request: pytest.FixtureRequest, make_connection: Any) -> Shop:
    return Shop(make_connection(ZERO_DOWNTIME_MIGRATIONS=request.param))


@pytest.mark.parametrize("text", [Template("SELECT 1", "sql_of_mine"), SQL("SELECT 2")])
def test_driver_of_the_tests_refuses_a_subclass(database: BaseDatabaseWrapper, text: str) -> None:
    with database.cursor() as cursor:
        with pytest.raises(TypeError):
            cursor.execute(text)
        cursor.execute(str.__str__(text))


def test_migrations_forwards_and_back(shop: Shop) -> None:
    shop.migrate(AUTHOR, BOOK)
    shop.run("INSERT INTO shop_author VALUES (1); INSERT INTO shop_book (title, author_id) VALUES ('a', 1)")
    operations = [*CHANGES[:7], *MORE]
    for operation in operations:
        shop.migrate(operation)
    for _ in operations:
        shop.unapply()


def test_lines_that_an_editor_collects(shop: Shop) -> None:
    shop.migrate(AUTHOR, BOOK)
    with shop.connection.schema_editor(collect_sql=True) as editor:
        editor.create_model(shop.model("author"))
        editor.add_index(shop.model("book"), models.Index(fields=["title"], name="by_title"))
        editor.execute(editor.sql_delete_table % {"table": '"shop_book"'})
        editor.alter_db_table(shop.model("book"), "shop_book", "shop_volume")
    assert {type(line) for line in editor.collected_sql} == {str}
