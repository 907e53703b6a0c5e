"""The catalogue as it will be: what was asked under today's names is answered under tomorrow's."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.backends.postgres.schema import DatabaseSchemaEditor
from django_zero_downtime_migrations.catalog import changes
from django_zero_downtime_migrations.catalog.dependents import Dependent
from django_zero_downtime_migrations.catalog.planned import PlannedCatalog
from django_zero_downtime_migrations.catalog.planned_table import PlannedColumn
from django_zero_downtime_migrations.catalog.projection import Projection
from django_zero_downtime_migrations.catalog.server import ServerCatalog
from django_zero_downtime_migrations.ddl.read import read
from django_zero_downtime_migrations.ddl.spaces import Space
from django_zero_downtime_migrations.ddl.triggers import DropTrigger, MakeTrigger
from tests.operations.case import check

#: What stands around a short statement without timeouts.
AROUND = {"BEGIN;", "SET LOCAL synchronous_commit = local;", "COMMIT;"}
BOOK = migrations.CreateModel(
    "book",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("isbn", models.CharField(max_length=13, unique=True)),
        ("pages", models.IntegerField(null=True)),
        ("rank", models.PositiveIntegerField(default=0)),
    ],
    {"unique_together": {("isbn", "pages")}, "indexes": [models.Index(fields=["pages"], name="by_pages")]},
)


@pytest.fixture
def projection():
    return Projection()


@pytest.fixture
def apply(projection):
    """apply(template, **parts): a statement of Django's has been planned."""

    def apply_statement(template, /, **parts):
        blank = {"deferrable": "", "on_delete_db": "", "nulls_distinct": "", "using": "", "include": ""}
        blank |= {"extra": "", "condition": ""}
        quoted = {x: part if x in ("check", "definition") else f'"{part}"' for x, part in parts.items()}
        changes.apply(projection, read(getattr(DatabaseSchemaEditor, f"sql_{template}") % (blank | quoted), None))

    return apply_statement


@pytest.fixture
def alter(projection):
    """alter(action, table, column): ALTER COLUMN."""

    def alter_column(action, table, column, **parts):
        change = getattr(DatabaseSchemaEditor, f"sql_alter_column_{action}") % {"column": f'"{column}"', **parts}
        changes.apply(
            projection, read(DatabaseSchemaEditor.sql_alter_column % {"table": f'"{table}"', "changes": change}, None)
        )

    return alter_column


# Tables


def test_table_that_nobody_renamed_has_its_name(projection):
    assert projection.live_table('"book"') == '"book"'


def test_renamed_table_is_asked_for_under_its_old_name(projection, apply):
    apply("rename_table", old_table="book", new_table="tome")
    assert projection.live_table('"tome"') == '"book"'


def test_table_renamed_twice_is_asked_for_under_its_first_name(projection, apply):
    apply("rename_table", old_table="a", new_table="b")
    apply("rename_table", old_table="b", new_table="c")
    assert projection.live_table('"c"') == '"a"'


def test_two_tables_that_change_names(projection, apply):
    apply("rename_table", old_table="a", new_table="x")
    apply("rename_table", old_table="b", new_table="a")
    apply("rename_table", old_table="x", new_table="b")
    assert (projection.live_table('"a"'), projection.live_table('"b"')) == ('"b"', '"a"')


def test_new_table_is_new_under_its_new_name(projection, apply):
    apply("create_table", table="book", definition="")
    apply("rename_table", old_table="book", new_table="tome")
    assert projection.new_tables == {'"tome"'}


def test_dropped_table_is_not_new_any_more(projection, apply):
    apply("create_table", table="book", definition="")
    apply("delete_table", table="book")
    assert projection.new_tables == set()


def test_new_table_of_the_name_of_a_renamed_one_is_not_that_one(projection, apply):
    apply("rename_table", old_table="book", new_table="old")
    apply("create_table", table="book", definition="")
    assert projection.live_table('"old"') == '"book"'
    assert projection.new_tables == {'"book"'}


# Columns


def test_renamed_column_in_both_directions(projection, apply):
    apply("rename_column", table="book", old_column="pages", new_column="sheets")
    assert projection.live_column('"book"', "sheets") == "pages"
    assert projection.shown_column('"book"', "pages") == "sheets"
    assert projection.live_column('"shelf"', "sheets") == projection.shown_column('"shelf"', "sheets") == "sheets"


def test_column_renamed_twice_in_both_directions(projection, apply):
    apply("rename_column", table="book", old_column="a", new_column="b")
    apply("rename_column", table="book", old_column="b", new_column="c")
    assert projection.live_column('"book"', "c") == "a"
    assert projection.shown_column('"book"', "a") == "c"


def test_column_that_gets_its_name_back(projection, apply):
    apply("rename_column", table="book", old_column="a", new_column="b")
    apply("rename_column", table="book", old_column="b", new_column="a")
    assert projection.live_column('"book"', "a") == projection.shown_column('"book"', "a") == "a"


def test_renamed_column_of_a_table_that_is_renamed_later(projection, apply):
    apply("rename_column", table="book", old_column="a", new_column="b")
    apply("rename_table", old_table="book", new_table="tome")
    apply("rename_column", table="tome", old_column="b", new_column="c")
    assert projection.live_column('"tome"', "c") == "a"
    assert projection.shown_column('"tome"', "a") == "c"
    assert projection.live_column('"book"', "b") == "b"


@pytest.mark.parametrize("renamed", [False, True], ids=["", "renamed"])
def test_what_is_known_of_a_column(projection, apply, alter, renamed):
    alter("not_null", "book", "a")
    alter("default", "book", "a", default="7")
    apply("create_column", table="book", column="new", definition="integer")
    table, column, new = '"book"', "a", "new"
    if renamed:
        apply("rename_column", table="book", old_column="a", new_column="b")
        apply("rename_column", table="book", old_column="new", new_column="newer")
        apply("rename_table", old_table="book", new_table="tome")
        table, column, new = '"tome"', "b", "newer"
    assert projection.column(table, column) == PlannedColumn(live="a", not_null=True, has_default=True)
    assert projection.column(table, new) == PlannedColumn(live="", type="integer", has_default=False)
    assert projection.new_types(table) == [(new, "integer")]
    assert projection.column(table, "a" if renamed else "c") == PlannedColumn(live="a" if renamed else "c")


def test_what_is_taken_back_of_a_column(projection, alter):
    alter("not_null", "book", "a")
    alter("default", "book", "a", default="7")
    alter("null", "book", "a")
    alter("no_default", "book", "a")
    assert projection.column('"book"', "a") == PlannedColumn(live="a", not_null=False, has_default=False)


def test_new_column_is_not_the_one_that_has_its_name_today(projection, apply):
    apply("rename_column", table="book", old_column="a", new_column="b")
    apply("create_column", table="book", column="a", definition="integer")
    assert projection.live_column('"book"', "a") == ""
    assert (projection.live_column('"book"', "b"), projection.shown_column('"book"', "a")) == ("a", "b")


def test_new_column_that_is_renamed_is_still_to_be_made(projection, apply):
    apply("create_column", table="book", column="a", definition="integer")
    apply("rename_column", table="book", old_column="a", new_column="b")
    assert projection.live_column('"book"', "b") == ""
    assert projection.shown_column('"book"', "a") == "a"


def test_nothing_is_known_of_a_column_that_is_gone(projection, apply, alter):
    apply("create_column", table="book", column="a", definition="integer")
    alter("not_null", "book", "a")
    alter("default", "book", "a", default="7")
    apply("delete_column", table="book", column="a")
    assert projection.column('"book"', "a") == PlannedColumn(live="a")
    assert projection.new_types('"book"') == []


def test_renamed_column_that_is_dropped_has_no_name_any_more(projection, apply):
    apply("rename_column", table="book", old_column="a", new_column="b")
    apply("delete_column", table="book", column="b")
    assert projection.renamed_columns('"book"') == []
    assert (projection.live_column('"book"', "b"), projection.shown_column('"book"', "a")) == ("b", "a")
    assert projection.drops_columns()


def test_table_that_takes_the_name_of_a_dropped_one_is_another_one(projection, apply, alter):
    alter("not_null", "tome", "a")
    apply("create_index", table="tome", name="new", columns="a")
    apply("delete_table", table="tome")
    apply("rename_table", old_table="book", new_table="tome")
    assert projection.live_table('"tome"') == '"book"'
    assert projection.column('"tome"', "a") == PlannedColumn(live="a")
    assert not projection.has('"tome"', "new")


@pytest.mark.parametrize("renamed", [False, True], ids=["", "renamed"])
def test_identity_that_goes(projection, apply, renamed):
    name = "id"
    if renamed:
        apply("rename_column", table="book", old_column="id", new_column="number")
        name = "number"
    apply("drop_indentity", table="book", column=name)
    assert projection.column('"book"', name).loses_identity
    assert not projection.column('"shelf"', name).loses_identity


def test_identity_that_goes_from_a_table_that_is_renamed_later(projection, apply):
    apply("drop_indentity", table="book", column="id")
    apply("rename_table", old_table="book", new_table="tome")
    assert projection.column('"tome"', "id").loses_identity


# Constraints and indexes

LIVE = {"by_pages": {"columns": ["pages"], "index": True}, "long": {"columns": None, "check": True}}


def test_constraints_of_today(projection):
    assert projection.constraints('"book"', LIVE) == LIVE


def test_dropped_constraint_is_not_seen(projection, apply):
    apply("delete_constraint", table="book", name="long")
    assert list(projection.constraints('"book"', LIVE)) == ["by_pages"]
    assert projection.constraints('"shelf"', LIVE) == LIVE


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("delete_index", "by_pages"),
        ("delete_fk", "long"),
        ("delete_check", "long"),
        ("delete_unique", "by_pages"),
        ("delete_pk", "by_pages"),
    ],
)
def test_every_drop_is_seen(projection, apply, template, name):
    apply(template, table="book", name=name)
    assert name not in projection.constraints('"book"', LIVE)


@pytest.mark.parametrize(("template", "space"), [("delete_index", Space.INDEXES), ("delete_fk", Space.CONSTRAINTS)])
def test_index_and_foreign_key_of_one_name_go_one_by_one(projection, apply, template, space):
    apply("create_index", table="book", name="new", columns="pages")
    apply("create_fk", table="book", name="new", column="pages", to_table="shelf", to_column="id")
    apply(template, table="book", name="new")
    assert [projection.has('"book"', "new", each) for each in Space] == [each is not space for each in Space]
    apply(template, table="book", name="today")
    assert [projection.hides('"book"', "today", each) for each in Space] == [each is space for each in Space]


@pytest.mark.parametrize(
    "template, parts, kind",
    [
        ("create_unique", {"columns": "pages"}, {"unique": True, "columns": ["pages"], "primary_key": False}),
        ("create_pk", {"columns": "pages"}, {"primary_key": True, "unique": True, "columns": ["pages"]}),
        ("create_check", {"check": '"pages" > 1 OR "pages" IS NULL'}, {"check": True, "columns": ["pages"]}),
        (
            "create_fk",
            {"column": "pages", "to_table": "shelf", "to_column": "id"},
            {"foreign_key": ("shelf", "id"), "columns": ["pages"], "unique": False},
        ),
        ("create_index", {"columns": "pages"}, {"index": True, "unique": False}),
        ("create_unique_index", {"columns": "pages"}, {"index": True, "unique": True}),
    ],
)
def test_added_constraint_is_seen(projection, apply, template, parts, kind):
    apply(template, table="book", name="new", **parts)
    assert projection.has('"book"', "new")
    seen = projection.constraints('"book"', LIVE)
    assert set(seen) == {*LIVE, "new"}
    assert {name: seen["new"][name] for name in kind} == kind


def test_primary_key_makes_its_columns_not_null(projection, apply):
    apply("create_pk", table="book", name="new", columns="pages")
    assert projection.column('"book"', "pages").not_null
    assert not projection.column('"book"', "id").not_null


def test_added_constraint_can_be_dropped_again(projection, apply):
    apply("create_unique", table="book", name="new", columns="pages")
    apply("delete_unique", table="book", name="new")
    assert not projection.has('"book"', "new")
    assert projection.constraints('"book"', LIVE) == LIVE
    assert [projection.dropped(space) for space in Space] == [frozenset(), frozenset()]


def test_dropped_constraint_can_be_made_anew(projection, apply):
    apply("delete_index", table="book", name="by_pages")
    apply("create_unique", table="book", name="by_pages", columns="pages")
    seen = projection.constraints('"book"', LIVE)["by_pages"]
    assert seen["unique"]


def test_constraint_made_anew_and_dropped_again_is_gone(projection, apply):
    apply("delete_index", table="book", name="by_pages")
    apply("create_unique", table="book", name="by_pages", columns="pages")
    apply("delete_unique", table="book", name="by_pages")
    assert "by_pages" not in projection.constraints('"book"', LIVE)


def test_added_index_is_seen_under_its_new_name(projection, apply):
    apply("create_index", table="book", name="one", columns="pages")
    apply("rename_index", table="book", old_name="one", new_name="two")
    assert (projection.has('"book"', "one"), projection.has('"book"', "two")) == (False, True)


def test_index_of_today_is_seen_under_its_new_name(projection, apply):
    apply("rename_index", table="book", old_name="by_pages", new_name="in_order")
    seen = projection.constraints('"book"', LIVE)
    assert seen["in_order"] == LIVE["by_pages"]
    assert "by_pages" not in seen


def test_index_of_today_can_be_dropped_under_its_new_name(projection, apply):
    apply("rename_index", table="book", old_name="by_pages", new_name="in_order")
    apply("delete_index", table="book", name="in_order")
    assert list(projection.constraints('"book"', LIVE)) == ["long"]


def test_constraints_are_seen_with_the_new_names_of_their_columns(projection, apply):
    apply("create_unique", table="book", name="new", columns="pages")
    apply("rename_column", table="book", old_column="pages", new_column="sheets")
    seen = projection.constraints('"book"', LIVE)
    assert seen["by_pages"]["columns"] == seen["new"]["columns"] == ["sheets"]
    assert seen["long"]["columns"] is None


def test_constraints_are_seen_at_the_renamed_table(projection, apply):
    apply("create_unique", table="book", name="new", columns="pages")
    apply("delete_check", table="book", name="long")
    apply("rename_table", old_table="book", new_table="tome")
    assert set(projection.constraints('"tome"', LIVE)) == {"by_pages", "new"}
    assert not projection.has('"book"', "new")


def test_constraints_go_with_their_table(projection, apply):
    apply("create_unique", table="book", name="new", columns="pages")
    apply("delete_table", table="book")
    assert not projection.has('"book"', "new")


def test_copy_is_independent(projection, apply):
    apply("create_column", table="book", column="new", definition="integer")
    before = projection.copy()
    apply("rename_column", table="book", old_column="new", new_column="newer")
    apply("drop_indentity", table="book", column="newer")
    apply("create_unique", table="book", name="new", columns="pages")
    apply("rename_column", table="book", old_column="a", new_column="b")
    assert not before.has('"book"', "new")
    assert before.live_column('"book"', "b") == "b"
    assert before.new_types('"book"') == [("new", "integer")]
    assert not before.column('"book"', "new").loses_identity


# What the catalogue answers through it


def test_catalogue_answers_under_the_new_names(database, projection, apply):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE shelf (id integer PRIMARY KEY)")
        cursor.execute(
            "CREATE TABLE book (a integer NOT NULL CONSTRAINT k REFERENCES shelf, b text DEFAULT '',"
            " CONSTRAINT full_ CHECK (a IS NOT NULL))"
        )
        cursor.execute("CREATE INDEX by_a ON book (a)")
    apply("rename_table", old_table="book", new_table="tome")
    apply("rename_column", table="tome", old_column="a", new_column="c")
    catalog = PlannedCatalog(ServerCatalog(database), projection)
    assert catalog.exists('"tome"')
    assert (catalog.column('"tome"', "c").not_null, catalog.column('"tome"', "b").has_default) == (True, True)
    assert catalog.constraint('"tome"', '"k"').columns == ("c",)
    assert catalog.index('"tome"', "by_a").keys == ("c",)
    assert catalog.not_null_proof('"tome"', "c") == "full_"
    assert catalog.same_table('"tome"', '"book"')


def test_catalogue_names_the_other_side_of_a_foreign_key_as_it_will_be(database, projection, apply):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE shelf (id integer PRIMARY KEY)")
        cursor.execute("CREATE TABLE book (a integer CONSTRAINT k REFERENCES shelf)")
    apply("rename_table", old_table="shelf", new_table="rack")
    apply("rename_column", table="rack", old_column="id", new_column="number")
    apply("rename_table", old_table="book", new_table="tome")
    apply("rename_column", table="tome", old_column="a", new_column="b")
    (own,), (other,) = (
        PlannedCatalog(ServerCatalog(database), projection).constraints('"tome"'),
        PlannedCatalog(ServerCatalog(database), projection).referencing('"rack"'),
    )
    for key in (own, other):
        assert (key.name, key.table, key.columns) == ("k", '"tome"', ("b",))
        assert (key.to_table, key.to_columns) == ('"rack"', ("number",))


def test_catalogue_knows_an_index_by_its_new_name(database, projection, apply):
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE book (a integer); CREATE INDEX one ON book (a)")
    apply("rename_index", table="book", old_name="one", new_name="two")
    apply("rename_index", table="book", old_name="two", new_name="three")
    apply("rename_table", old_table="book", new_table="tome")
    catalog = PlannedCatalog(ServerCatalog(database), projection)
    assert catalog.index('"tome"', "three").keys == ("a",)
    assert catalog.index('"tome"', "one") is None


# What Django's introspection says in the middle of a call


@pytest.fixture
def books(shop):
    shop.migrate(BOOK)
    return shop


def sent(books, *operations):
    """The statements of a migration that is only written down: nothing of it is in the database."""
    return [line for line in books.collected(*operations) if not line.startswith("--") and line not in AROUND]


ONCE = migrations.AlterField("book", "isbn", models.CharField(max_length=13))


def test_constraint_of_a_renamed_column_is_found(books):
    last = sent(
        books,
        migrations.RenameField("book", "pages", "sheets"),
        migrations.AlterUniqueTogether("book", set()),
    )[-1]
    (name,) = books.run(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'shop_book'::regclass AND cardinality(conkey) = 2"
    )[0]
    assert last == f'ALTER TABLE "shop_book" DROP CONSTRAINT "{name}";'


def test_constraint_of_a_renamed_table_is_found(books):
    statements = sent(
        books,
        migrations.AlterModelTable("book", "volume"),
        migrations.AlterModelTable("book", "tome"),
        ONCE,
    )
    assert 'ALTER TABLE "tome" DROP CONSTRAINT "shop_book_isbn_key";' in statements


def test_constraint_of_a_column_that_was_just_added_is_found(books):
    statements = sent(
        books,
        migrations.AddField("book", "ean", models.IntegerField(null=True, unique=True)),
        migrations.AlterField("book", "ean", models.IntegerField(null=True)),
    )
    assert statements[-1] == 'ALTER TABLE "shop_book" DROP CONSTRAINT "shop_book_ean_key";'


def test_constraint_that_was_just_dropped_is_not_found(books):
    with books.connection.schema_editor(collect_sql=True) as editor:
        state = books.states[-1].clone()
        ONCE.state_forwards("shop", state)
        ONCE.database_forwards("shop", editor, books.states[-1], state)
        model = state.apps.get_model("shop", "book")
        with editor._planning("test"):
            assert editor._constraint_names(model, ["isbn"], unique=True) == []
        assert editor._constraint_names(model, ["isbn"], unique=True) == ["shop_book_isbn_key"]


def test_index_that_was_just_renamed_is_dropped(books):
    statements = sent(
        books,
        migrations.RenameIndex("book", "in_order", old_name="by_pages"),
        migrations.RemoveIndex("book", "in_order"),
    )
    assert statements == [
        'ALTER INDEX "by_pages" RENAME TO "in_order";',
        'DROP INDEX CONCURRENTLY IF EXISTS "in_order";',
    ]


def test_check_that_was_just_added_is_found(books):
    statements = sent(
        books,
        migrations.AddConstraint("book", check(Q(pages__gt=1), "long")),
        migrations.RemoveConstraint("book", "long"),
    )
    assert statements[-1] == 'ALTER TABLE "shop_book" DROP CONSTRAINT "long";'


def test_sequence_of_a_renamed_column_is_found(books):
    books.run("ALTER TABLE shop_book ALTER id DROP IDENTITY")
    books.run("CREATE SEQUENCE old OWNED BY shop_book.id")
    books.run("ALTER TABLE shop_book ALTER id SET DEFAULT nextval('old')")
    statements = sent(
        books,
        migrations.AlterModelTable("book", "tome"),
        migrations.RenameField("book", "id", "number"),
        migrations.AlterField("book", "number", models.AutoField(primary_key=True)),
    )
    assert 'ALTER SEQUENCE IF EXISTS "old" AS integer;' in statements


def test_column_made_in_place_of_a_renamed_one_becomes_not_null(books):
    books.run("ALTER TABLE shop_book ALTER pages SET NOT NULL")
    statements = sent(
        books,
        migrations.RenameField("book", "pages", "sheets"),
        migrations.AddField("book", "pages", models.IntegerField(null=True)),
        migrations.AlterField("book", "pages", models.IntegerField()),
    )
    assert "ADD CONSTRAINT" in "".join(statements[2:])


def test_column_made_anew_becomes_not_null(books):
    statements = sent(
        books,
        migrations.AlterField("book", "pages", models.IntegerField()),
        migrations.RemoveField("book", "pages"),
        migrations.AddField("book", "pages", models.IntegerField(null=True)),
        migrations.AlterField("book", "pages", models.IntegerField()),
    )
    added = next(position for position, sql in enumerate(statements) if "ADD COLUMN" in sql)
    assert "ADD CONSTRAINT" in "".join(statements[added:])


def test_introspection_outside_of_a_call_is_djangos(books):
    assert books.connection.introspection.projection is None
    with books.connection.cursor() as cursor:
        assert "by_pages" in books.connection.introspection.get_constraints(cursor, "shop_book")
        (sequence,) = books.connection.introspection.get_sequences(cursor, "shop_book")
    assert sequence["column"] == "id"


def test_what_is_planned_on_a_copy_does_not_change_the_original_and_the_other_way_round(projection, apply):
    projection.table('"book"').column("isbn").not_null = True
    copied = projection.copy()
    copied.table('"book"').rename_column("isbn", "number")
    projection.table('"book"').drop_column("pages")
    assert projection.live_column('"book"', "number") == "number"
    assert projection.shown_column('"book"', "isbn") == "isbn"
    assert copied.shown_column('"book"', "isbn") == "number"
    assert copied.drops_columns() is False


def test_a_table_that_is_renamed_on_a_copy_keeps_its_name_in_the_original(projection, apply):
    projection.table('"book"').new = True
    copied = projection.copy()
    copied.rename_table('"book"', '"tome"')
    copied.table('"tome"').drop_column("pages")
    assert projection.is_new('"book"') and not projection.drops_columns()
    assert copied.is_new('"tome"') and copied.live_table('"tome"') == '"book"'


# Triggers and their functions

FILLS = {"table": '"book"', "column": '"pages"', "queries": ("…",), "names": ("fills",), "function": '"fill_pages"'}


def trigger(name="fills", table="book"):
    """Return a trigger of today as the server describes it."""
    return Dependent("trigger", "DROP TRIGGER", f'"{name}"', f'"{table}"', f'"{table}"', name)


def test_planned_trigger_depends_on_its_column(projection):
    changes.apply(projection, MakeTrigger(sql="…", **FILLS))
    assert projection.triggers('"book"', "pages") == [trigger()]
    assert projection.triggers('"book"', "isbn") == projection.triggers('"tome"', "pages") == []


def test_planned_trigger_is_known_by_the_new_names_of_its_column_and_table(projection, apply):
    changes.apply(projection, MakeTrigger(sql="…", **FILLS))
    apply("rename_column", table="book", old_column="pages", new_column="sheets")
    apply("rename_table", old_table="book", new_table="tome")
    assert projection.triggers('"tome"', "sheets") == [trigger(table="tome")]


def test_planned_trigger_that_is_dropped_is_not_one_of_today(projection):
    changes.apply(projection, MakeTrigger(sql="…", **FILLS))
    changes.apply(projection, DropTrigger(sql="…", **FILLS))
    assert projection.triggers('"book"', "pages") == []
    assert not projection.may_drop(trigger(), '"book"')


def test_dropped_trigger_is_gone_and_its_namesake_on_another_table_is_not(projection):
    changes.apply(projection, DropTrigger(sql="…", **FILLS))
    assert projection.may_drop(trigger(), '"book"')
    assert not projection.may_drop(trigger(table="tome"), '"tome"')
    assert not projection.may_drop(trigger("another"), '"book"')


def test_dropped_trigger_of_a_table_that_is_renamed_first(projection, apply):
    apply("rename_table", old_table="book", new_table="tome")
    changes.apply(projection, DropTrigger(sql="…", **FILLS | {"table": '"tome"'}))
    assert projection.may_drop(trigger(), '"book"')


def test_function_goes_with_its_trigger_and_comes_with_it(projection):
    function = Dependent("function", "DROP FUNCTION", "fill_pages()", None, "", "fill_pages")
    changes.apply(projection, DropTrigger(sql="…", **FILLS))
    assert projection.may_drop(function, "")
    changes.apply(projection, MakeTrigger(sql="…", **FILLS))
    assert not projection.may_drop(function, "")


@pytest.mark.parametrize("kind", [MakeTrigger, DropTrigger])
def test_trigger_of_a_journal_that_does_not_note_the_function(projection, kind):
    changes.apply(projection, kind(sql="…", **FILLS | {"function": ""}))
    assert projection.dropped_functions == set()


def test_copy_of_a_projection_has_triggers_of_its_own(projection):
    copy = projection.copy()
    changes.apply(copy, DropTrigger(sql="…", **FILLS))
    changes.apply(copy, MakeTrigger(sql="…", **FILLS | {"names": ("others",)}))
    assert projection.triggers('"book"', "pages") == []
    assert not projection.may_drop(trigger(), '"book"')
