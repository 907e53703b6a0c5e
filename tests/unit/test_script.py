"""The output of `sqlmigrate`, and what psql makes of it."""

from __future__ import annotations

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

from django_zero_downtime_migrations.operations import SafetyAssured
from tests.operations.case import check
from tests.operations.runs import psql

ID = ("id", models.BigAutoField(primary_key=True))
AUTHOR = migrations.CreateModel("author", [ID])
BOOK = migrations.CreateModel(
    "book",
    [ID, ("pages", models.IntegerField(null=True)), ("title", models.CharField(max_length=20, null=True))],
)
ADDED = migrations.AddField("book", "rank", models.IntegerField(null=True))
INDEXED = migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages"))
FILLED = migrations.AlterField("book", "pages", models.IntegerField(default=7))
RENAMED = migrations.RenameField("book", "pages", "sheets")
LOCAL = "SET LOCAL synchronous_commit = local;"
SET = ["SET LOCAL lock_timeout = 2000;", "SET LOCAL statement_timeout = 2200;"]
ADD = 'ALTER TABLE "shop_book" ADD COLUMN "rank" integer NULL;'
CREATE = 'CREATE INDEX CONCURRENTLY "by_pages" ON "shop_book" ("pages");'


@pytest.fixture
def books(shop):
    shop.migrate(AUTHOR, BOOK)
    shop.run("INSERT INTO shop_book (pages) SELECT nullif(n % 3, 0) FROM generate_series(1, 900) n")
    return shop


@pytest.fixture
def timed(settings):
    settings.ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "2s"


@pytest.fixture
def flexible(settings):
    settings.ZERO_DOWNTIME_MIGRATIONS_FLEXIBLE_STATEMENT_TIMEOUT = True


def sent(lines):
    return [line for line in lines if not line.startswith("--")]


def run(shop, lines):
    """Run the lines by psql; it stops at the first error."""
    psql(shop.connection.settings_dict["NAME"], "\n".join(lines))


def described(lines, text):
    """The place of the line in which Django describes an operation."""
    (position,) = (position for position, line in enumerate(lines) if line.startswith("--") and text in line)
    return position


# Transactions


def test_short_statement_stands_alone(books):
    assert sent(books.collected(ADDED)) == ["BEGIN;", ADD, LOCAL, "COMMIT;"]


def test_short_statement_has_its_timeouts_in_a_transaction_of_its_own(books, timed):
    assert sent(books.collected(ADDED)) == ["BEGIN;", *SET, ADD, LOCAL, "COMMIT;"]


def test_each_short_statement_has_a_transaction_of_its_own(books, timed):
    again = migrations.AddField("book", "place", models.IntegerField(null=True))
    assert sent(books.collected(ADDED, again)).count("COMMIT;") == 2


def test_two_statements_that_belong_together_are_one_transaction(books, server_major):
    lines = sent(books.collected(migrations.AlterField("book", "title", models.CharField(max_length=20))))
    together = [position for position, line in enumerate(lines) if "SET NOT NULL" in line]
    if server_major < 18:
        (first,) = together
        assert lines[first - 1] == "BEGIN;"
        assert "DROP CONSTRAINT" in lines[first + 1]
        assert lines[first + 2 : first + 4] == [LOCAL, "COMMIT;"]
    else:
        assert together == []


def test_nothing_stands_around_concurrently(books, timed):
    assert sent(books.collected(INDEXED)) == [CREATE]


def test_statements_on_new_tables_are_one_transaction(shop, timed):
    lines = sent(shop.collected(AUTHOR, BOOK))
    assert (lines[0], lines[-1]) == ("BEGIN;", "COMMIT;")
    assert [line.split(" (")[0] for line in lines[1:-1]] == ['CREATE TABLE "shop_author"', 'CREATE TABLE "shop_book"']


def test_editor_of_no_migration_collects_what_stock_does(twins):
    """Other packages take the first line of a new model for its CREATE TABLE."""
    twins.migrate(AUTHOR, BOOK)
    collected = []
    for shop in (twins.ours, twins.stock):
        with shop.connection.schema_editor(collect_sql=True) as editor:
            page = models.ForeignKey(shop.model("book"), models.CASCADE)
            page.set_attributes_from_name("page")
            editor.create_model(shop.model("author"))
            editor.create_model(shop.model("book"))
            editor.add_field(shop.model("author"), page)
        collected.append(editor.collected_sql)
    assert collected[0][0].startswith("CREATE TABLE ")
    assert collected[0][:2] == collected[1][:2]
    assert not {"BEGIN;", "COMMIT;"} & set(collected[0])


def test_single_statement_on_a_new_table_needs_no_transaction(shop):
    assert len(sent(shop.collected(AUTHOR))) == 1


def test_migration_that_is_not_atomic_has_no_transaction(shop):
    assert "BEGIN;" not in shop.collected(AUTHOR, BOOK, atomic=False)


def test_transaction_begins_before_the_description_of_its_operation(shop):
    lines = shop.collected(AUTHOR, BOOK)
    assert lines[0] == "BEGIN;"
    assert lines[1].startswith("--")


def test_transaction_ends_before_the_description_of_the_next_operation(books, timed):
    shelf = migrations.CreateModel("shelf", [ID])
    tag = migrations.CreateModel("tag", [ID])
    lines = books.collected(shelf, tag, ADDED)
    commit = lines.index("COMMIT;")
    assert (
        lines.index("BEGIN;") < described(lines, "Create model shelf") < described(lines, "Create model tag") < commit
    )
    assert commit < described(lines, "Add field rank")
    run(books, lines)


def test_statement_on_a_table_in_use_divides_the_transaction(books, timed):
    tables = [migrations.CreateModel(name, [ID]) for name in ("a", "b", "c", "d")]
    lines = sent(books.collected(*tables[:2], ADDED, *tables[2:]))
    assert [line for line in lines if line in ("BEGIN;", "COMMIT;")] == ["BEGIN;", "COMMIT;"] * 3
    run(books, lines)


def test_list_of_raw_sql_is_one_transaction(books):
    lines = sent(
        books.collected(migrations.RunSQL(["UPDATE shop_book SET pages = 1", "UPDATE shop_book SET pages = 2"]))
    )
    assert lines == ["BEGIN;", "UPDATE shop_book SET pages = 1;", "UPDATE shop_book SET pages = 2;", "COMMIT;"]


def test_text_of_several_statements_is_one_transaction(books):
    lines = sent(books.collected(migrations.RunSQL("SELECT 1; SELECT 2;")))
    assert lines == ["BEGIN;", "SELECT 1; SELECT 2;", "COMMIT;"]


def test_each_raw_operation_is_its_own_transaction(books):
    twice = migrations.RunSQL(["SELECT 1", "SELECT 2"])
    assert sent(books.collected(twice, twice)) == ["BEGIN;", "SELECT 1;", "SELECT 2;", "COMMIT;"] * 2


def test_single_raw_statement_needs_no_transaction(books):
    assert sent(books.collected(migrations.RunSQL("SELECT 1"))) == ["SELECT 1;"]


def test_raw_sql_is_not_in_the_transaction_of_new_tables_after_it(books):
    shelf, tag = migrations.CreateModel("shelf", [ID]), migrations.CreateModel("tag", [ID])
    lines = sent(books.collected(migrations.RunSQL(["SELECT 1", "SELECT 2"]), shelf, tag))
    assert lines[:5] == ["BEGIN;", "SELECT 1;", "SELECT 2;", "COMMIT;", "BEGIN;"]


def test_raw_sql_that_cannot_stand_in_a_transaction_stands_alone(books, timed):
    alone = "CREATE INDEX CONCURRENTLY raw ON shop_book (pages)"
    lines = sent(books.collected(migrations.RunSQL([alone, "SELECT 1", "SELECT 2"])))
    assert lines == [f"{alone};", "BEGIN;", "SELECT 1;", "SELECT 2;", "COMMIT;"]
    run(books, lines)


def test_no_text_is_in_a_transaction_and_concurrently(books, timed, flexible):
    lines = sent(
        books.collected(ADDED, INDEXED, FILLED, migrations.AddConstraint("book", check(Q(rank__gt=1), "high")))
    )
    depth = 0
    for line in lines:
        depth += (line == "BEGIN;") - (line == "COMMIT;")
        assert depth in (0, 1)
        assert not (depth and " CONCURRENTLY " in line)
    assert depth == 0


# Timeouts of long statements


@pytest.fixture
def limits(server_major):
    """Return the timeouts that may end a long statement on this server."""
    return ["lock_timeout", "statement_timeout", *(["transaction_timeout"] if server_major >= 17 else [])]


def test_long_statement_has_no_timeouts_around_it(books, timed):
    lines = sent(books.collected(migrations.AddConstraint("book", check(Q(pages__gt=-1), "long"))))
    assert lines[-1] == 'ALTER TABLE "shop_book" VALIDATE CONSTRAINT "long";'
    assert lines[-2] == "COMMIT;"


def test_flexible_timeouts_stand_around_concurrently_and_are_taken_back(books, timed, flexible, limits):
    assert sent(books.collected(INDEXED)) == [
        *(f"SET {name} = 0;" for name in limits),
        CREATE,
        *(f"RESET {name};" for name in limits),
    ]


def test_flexible_timeouts_of_a_validation_are_those_of_its_transaction(books, flexible, limits):
    lines = sent(books.collected(migrations.AddConstraint("book", check(Q(pages__gt=-1), "long"))))
    assert lines[-3 - len(limits) :] == [
        "BEGIN;",
        *(f"SET LOCAL {name} = 0;" for name in limits),
        'ALTER TABLE "shop_book" VALIDATE CONSTRAINT "long";',
        "COMMIT;",
    ]
    assert not any(line.startswith(("SET lock", "SET statement", "RESET")) for line in lines)


# Findings


def test_finding_is_a_comment_above_its_statement(books):
    lines = books.collected(RENAMED)
    position = lines.index('ALTER TABLE "shop_book" RENAME COLUMN "pages" TO "sheets";')
    assert lines[position - 1] == "BEGIN;"
    assert lines[position - 2].startswith('-- refuse ALTER_TABLE_RENAME_COLUMN: "pages" of "shop_book"')
    assert described(lines, "Rename field pages") < position - 1


def test_finding_stands_before_the_transaction_of_its_statement(books, timed):
    lines = books.collected(RENAMED)
    said = described(lines, "refuse ALTER_TABLE_RENAME_COLUMN")
    assert lines[said + 1 : said + 4] == ["BEGIN;", *SET]


def test_findings_are_printed_and_not_raised(books, settings):
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = True
    assert any(line.startswith("-- refuse") for line in books.collected(RENAMED))


def test_accepted_finding_has_its_reason(books):
    lines = books.collected(SafetyAssured([RENAMED], reason="closed\non Sunday"))
    (said,) = (line for line in lines if line.startswith("-- refuse"))
    assert said.endswith("(accepted: closed on Sunday)")


def test_each_operation_has_its_own_finding(books):
    lines = books.collected(
        migrations.AddField("book", "a", models.IntegerField(default=1)),
        migrations.AddField("book", "b", models.IntegerField(default=1)),
    )
    assert len([line for line in lines if line.startswith("-- refuse ADD_COLUMN_NOT_NULL")]) == 2


def test_finding_of_several_steps_is_printed_once_and_first(books):
    books.run("ANALYZE shop_book")
    books.run("UPDATE pg_class SET reltuples = 9000000 WHERE oid = 'shop_book'::regclass")
    lines = books.collected(FILLED)
    (said,) = (position for position, line in enumerate(lines) if line.startswith("-- warn FILL_LARGE_TABLE"))
    (first, *_) = (position for position, line in enumerate(lines) if line.startswith("DO "))
    assert lines[said + 1 : first] == ["SET statement_timeout = 0;"]


def test_foreign_key_that_stays_under_a_new_name_is_explained(books):
    books.migrate(migrations.AddField("book", "author", models.ForeignKey("shop.author", models.CASCADE, null=True)))
    lines = books.collected(migrations.RenameModel("author", "writer"))
    (rename,) = (position for position, line in enumerate(lines) if "RENAME CONSTRAINT" in line)
    assert lines[rename - 2] == '-- the foreign key of "author_id" stays; only its name changes'
    run(books, lines)


# What psql makes of it


def test_fill_is_done_by_psql(books, timed):
    lines = books.collected(FILLED)
    fills = [position for position, line in enumerate(lines) if line.startswith("DO $fill$")]
    (proof,) = (position for position, line in enumerate(lines) if " NOT VALID;" in line)
    # The second fills what came in while the first was at work; nothing can come in after the proof.
    assert fills[0] < proof < fills[1]
    run(books, lines)
    assert books.run("SELECT pages, count(*) FROM shop_book GROUP BY 1 ORDER BY 1") == [(1, 300), (2, 300), (7, 300)]
    assert books.run("SELECT attnotnull, atthasdef FROM pg_attribute WHERE attname = 'pages' AND attnum > 0") == [
        (True, False)
    ]


def test_fill_of_many_pages_is_done_by_psql(books):
    books.run("INSERT INTO shop_book (title) SELECT repeat('x', 20) FROM generate_series(1, 20000)")
    assert books.run("SELECT pg_relation_size('shop_book') / 8192 > 128") == [(True,)]
    run(books, books.collected(FILLED))
    assert books.run("SELECT count(*) FROM shop_book WHERE pages = 7") == [(20300,)]


def test_fill_with_what_psql_could_take_for_something_else(books):
    text = "it's 50% of $fill$ \\ :name"
    run(books, books.collected(migrations.AlterField("book", "title", models.CharField(max_length=40, default=text))))
    assert books.run("SELECT DISTINCT title FROM shop_book") == [(text,)]


def test_fill_of_a_table_whose_name_has_a_quote(shop):
    table = {"db_table": "It's ours"}
    shop.migrate(migrations.CreateModel("odd", [ID, ("pages", models.IntegerField(null=True))], table))
    shop.model("odd").objects.using(shop.alias).create(pages=None)
    run(shop, shop.collected(migrations.AlterField("odd", "pages", models.IntegerField(default=7))))
    assert [each.pages for each in shop.model("odd").objects.using(shop.alias).all()] == [7]


def test_script_of_several_operations_has_the_effect_of_migrate(twins, timed, flexible):
    operations = [
        ADDED,
        INDEXED,
        FILLED,
        migrations.AddField("book", "isbn", models.CharField(max_length=13, null=True, unique=True)),
        migrations.AddField("book", "author", models.ForeignKey("shop.author", models.CASCADE, null=True)),
        migrations.AddConstraint("book", check(Q(rank__gt=1), "high")),
        migrations.CreateModel("shelf", [ID, ("book", models.ForeignKey("shop.book", models.CASCADE))]),
        migrations.RemoveField("book", "title"),
        migrations.RunSQL("COMMENT ON TABLE shop_book IS 'it''s'"),
    ]
    twins.migrate(AUTHOR, BOOK)
    run(twins.ours, twins.ours.collected(*operations))
    twins.stock.migrate(*operations)
    twins.compare()


def test_script_of_the_way_back(twins):
    twins.migrate(AUTHOR, BOOK)
    twins.migrate(INDEXED)
    migration = twins.ours.migrations[-1]
    with twins.ours.connection.schema_editor(collect_sql=True) as editor:
        migration.unapply(twins.ours.states[-2].clone(), editor, collect_sql=True)
    assert sent(editor.collected_sql) == ['DROP INDEX CONCURRENTLY IF EXISTS "by_pages";']
    run(twins.ours, editor.collected_sql)
    twins.stock.unapply()
    twins.compare()


def test_nothing_is_sent_while_it_is_collected(books, dump):
    before = dump(books.connection)
    books.collected(ADDED, INDEXED, FILLED)
    assert dump(books.connection) == before
    assert books.run("SELECT count(*) FROM shop_book WHERE pages IS NULL") == [(300,)]


def test_operation_that_the_user_made_concurrent(books):
    index = models.Index(fields=["pages"], name="by_pages")
    assert sent(books.collected(AddIndexConcurrently("book", index), atomic=False)) == [CREATE]


def test_lines_end_with_one_semicolon(books, timed, flexible):
    lines = sent(books.collected(ADDED, INDEXED, FILLED, migrations.RunSQL("SELECT 1;")))
    assert all(line.endswith(";") and not line.endswith(";;") for line in lines)
