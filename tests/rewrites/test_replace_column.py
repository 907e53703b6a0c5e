"""A type is changed online: what clients see meanwhile, what stands in the way, and what is left."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, ProgrammingError, migrations, models, transaction
from django.db.models import F

from django_zero_downtime_migrations.backends.postgres.schema import UnsafeOperationException
from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.naming import UTF8
from tests.backends.project import Shop
from tests.backends.sessions import Beside, role_without_rights, run, wait_until

from .online import BIG, LEFT, NEW, ROWS, TYPE, assert_changed


@pytest.mark.slow
def test_a_row_that_a_client_holds_is_written_when_it_is_free(books: Shop, settings: Any, other_session: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_BACKFILL_LOAD = 0.05
    books.run("INSERT INTO shop_book (pages, beside) SELECT n, n FROM generate_series(1, 30000) n")
    [(last,)] = books.run("SELECT max(id) FROM shop_book")

    with Beside(lambda: books.migrate(BIG)) as work:
        wait_until(lambda: books.run(LEFT), "the column is there", work)
        run(other_session, "SELECT FROM shop_book WHERE id = %s FOR UPDATE", last)
        missing = f"SELECT count(*) FROM shop_book WHERE {NEW} IS NULL"
        wait_until(lambda: 0 < books.run(missing)[0][0] < 200, "all but the last page is filled", work)
        other_session.commit()
        work.result()

    assert_changed(books)


def test_a_role_that_owns_the_table_and_no_more_can_do_it(books: Shop) -> None:
    with role_without_rights(books.connection) as owner:
        books.run(f"GRANT CREATE ON SCHEMA public TO {owner}")
        books.run(f"ALTER TABLE shop_book OWNER TO {owner}")
        books.run(f"SET ROLE {owner}")
        books.migrate(BIG)
        assert_changed(books)
        books.run("RESET ROLE")
        books.run(f"REASSIGN OWNED BY {owner} TO CURRENT_USER; DROP OWNED BY {owner}")


def test_names_and_schemas_of_any_kind(books: Shop) -> None:
    books.run('CREATE SCHEMA "Other ""s"""')
    table, column = '"Other ""s"""."table \'ü\'"', "it's {x} ñ \\\\"
    fields = [
        ("id", models.AutoField(primary_key=True)),
        ("pages", models.IntegerField(db_column=column, db_index=True)),
        ("above", models.ForeignKey("shop.odd", models.CASCADE, null=True)),
    ]
    books.migrate(migrations.CreateModel("odd", fields, {"db_table": table}))
    odd = books.model("odd")
    odd.objects.using(books.alias).bulk_create(odd(pages=n, above_id=n) for n in range(1, 100))

    bigger = models.BigIntegerField(db_column=column, db_index=True)
    books.migrate(migrations.AlterField("odd", "pages", bigger))
    books.migrate(migrations.AlterField("odd", "id", models.BigAutoField(primary_key=True)))

    types = "SELECT format_type(atttypid, 0) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
    assert books.run(f"{types} AND NOT attisdropped", table) == [("bigint",)] * 3
    assert list(odd.objects.using(books.alias).exclude(pages=F("above_id"))) == []
    assert books.run(LEFT) == []


def test_triggers_of_the_table_do_not_fire_for_the_fill(books: Shop) -> None:
    books.run("CREATE TABLE fired (id int)")
    books.run(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO fired VALUES (NEW.id); RETURN NEW; END'"
    )
    books.run("CREATE TRIGGER noted BEFORE UPDATE ON shop_book FOR EACH ROW EXECUTE FUNCTION note()")

    books.migrate(BIG)

    assert books.run("SELECT count(*) FROM fired") == [(0,)]
    books.run("UPDATE shop_book SET beside = beside WHERE id = 1")
    assert books.run("SELECT count(*) FROM fired") == [(1,)]
    assert_changed(books)


def test_the_planner_has_statistics_of_the_new_column(books: Shop) -> None:
    books.migrate(BIG)

    assert books.run("SELECT n_distinct FROM pg_stats WHERE tablename = 'shop_book' AND attname = 'pages'") == [(-1.0,)]


def test_analyze_locks_the_table_as_it_says(books: Shop) -> None:
    with books.connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("ANALYZE shop_book (pages)")
        cursor.execute("SELECT mode FROM pg_locks WHERE relation = 'shop_book'::regclass AND pid = pg_backend_pid()")
        held = cursor.fetchall()
        cursor.execute("ROLLBACK")

    assert held == [("ShareUpdateExclusiveLock",)]


#: What is in the way, and what the refusal says of it.
OBSTACLES = {
    "constraint is NOT VALID": (
        "ALTER TABLE shop_book ADD CONSTRAINT later CHECK (beside > 5) NOT VALID",
        "constraint later is NOT VALID",
    ),
    "trigger that fires always": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER each_time BEFORE UPDATE ON shop_book FOR EACH ROW EXECUTE FUNCTION f();"
        "ALTER TABLE shop_book ENABLE ALWAYS TRIGGER each_time",
        "trigger each_time is fired for every row",
    ),
    "trigger of replicas beside another one": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER plain BEFORE UPDATE ON shop_book FOR EACH ROW EXECUTE FUNCTION f();"
        "CREATE TRIGGER of_replicas BEFORE UPDATE ON shop_book FOR EACH ROW EXECUTE FUNCTION f();"
        "ALTER TABLE shop_book ENABLE REPLICA TRIGGER of_replicas",
        "trigger of_replicas is fired for every row",
    ),
    "trigger that is fired after ours": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        'CREATE TRIGGER "~~" BEFORE INSERT ON shop_book FOR EACH ROW EXECUTE FUNCTION f()',
        'trigger "~~" is fired after',
    ),
    "publication": ("CREATE PUBLICATION everything FOR TABLE shop_book", "publication everything has it"),
    "inheritance": ("CREATE TABLE child () INHERITS (shop_book)", "inherit from it"),
    "foreign key that changes the column": (
        "CREATE TABLE shelf (id int PRIMARY KEY); INSERT INTO shelf SELECT generate_series(0, 5000);"
        "ALTER TABLE shop_book ADD CONSTRAINT on_shelf FOREIGN KEY (pages) REFERENCES shelf ON DELETE SET NULL",
        "constraint on_shelf on table shop_book depends on the column",
    ),
    "foreign key of two columns": (
        "ALTER TABLE shop_book ADD CONSTRAINT pair UNIQUE (pages, id);"
        "CREATE TABLE other (a int, b bigint, CONSTRAINT of_both FOREIGN KEY (a, b) REFERENCES shop_book (pages, id))",
        "constraint of_both on table other depends on the column",
    ),
    "foreign key of a partitioned table": (
        "ALTER TABLE shop_book ADD CONSTRAINT one UNIQUE (pages);"
        "CREATE TABLE other (pages int CONSTRAINT far REFERENCES shop_book (pages)) PARTITION BY LIST (pages)",
        "constraint far on table other depends on the column",
    ),
    "partitions": (
        "DROP TABLE shop_book; CREATE TABLE shop_book (id bigint PRIMARY KEY, pages int NOT NULL, beside int) "
        "PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF shop_book DEFAULT;"
        "INSERT INTO shop_book SELECT n, n, n FROM generate_series(1, 9) n",
        "it is partitioned, and the new column would have to be proved and indexed in each partition by itself",
    ),
    "exclusion": (
        "ALTER TABLE shop_book ADD CONSTRAINT apart EXCLUDE USING btree (pages WITH =)",
        "constraint apart on table shop_book depends on the column",
    ),
    "INVALID index": (
        "CREATE INDEX broken ON shop_book (pages);"
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
        "index broken is INVALID",
    ),
}


@pytest.mark.parametrize(("sql", "said"), OBSTACLES.values(), ids=OBSTACLES)
def test_what_is_in_the_way_is_named_before_anything_is_sent(books: Shop, sql: str, said: str) -> None:
    books.run(sql)

    with pytest.raises(UnsafeOperationException) as caught:
        books.migrate(BIG)

    assert caught.value.finding is not None
    assert said in caught.value.finding.message.replace('"', "") or said in caught.value.finding.message
    assert books.run(TYPE) == [("integer",)]
    assert books.run(LEFT) == []


def test_a_function_that_another_role_has_made_is_not_taken(books: Shop) -> None:
    """The function would run for all who write to the table."""
    name = UTF8.temporary("shop_book_pages", "sync")
    with role_without_rights(books.connection) as intruder:
        books.run(f"GRANT CREATE ON SCHEMA public TO {intruder}")
        books.run(f"SET ROLE {intruder}")
        books.run(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
        books.run("RESET ROLE")

        with pytest.raises(ProgrammingError, match="already exists"):
            books.migrate(BIG)

        assert books.run(TYPE) == [("integer",)]
        assert books.run("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%zdm%'") == [(0,)]
        books.run(f"DROP OWNED BY {intruder}")


def test_without_a_journal_the_way_on_is_said(books: Shop) -> None:
    """An earlier run was killed while it filled the rows, and nothing else is known of it."""
    lines = books.collected(BIG)
    begin = next(n for n, line in enumerate(lines) if "ADD COLUMN" in line)
    end = next(n for n, line in enumerate(lines) if n > begin and line.startswith("COMMIT"))
    for line in lines[begin:end]:
        books.run(line)
    books.run("UPDATE shop_book SET pages = pages + 1, beside = beside + 1 WHERE id < 100")

    with pytest.raises(CannotMigrate, match="An earlier run has begun to replace") as caught:
        books.migrate(BIG)

    books.run(str(caught.value).partition("run the migration again: ")[2].rpartition(" Nothing")[0])
    books.migrate(BIG)
    assert_changed(books)


def test_a_value_that_may_not_fit_is_refused(books: Shop) -> None:
    with pytest.raises(UnsafeOperationException) as caught:
        books.migrate(migrations.AlterField("book", "pages", models.SmallIntegerField()))

    assert "not every integer is the same value as smallint" in str(caught.value.finding)


def test_in_a_transaction_it_is_refused(books: Shop) -> None:
    with pytest.raises(UnsafeOperationException) as caught, transaction.atomic(books.alias):
        books.migrate(BIG)

    assert "a transaction is open around it" in str(caught.value.finding)


def test_a_small_table_keeps_its_columns_in_their_order(books: Shop, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE = "10MB"
    settings.ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = False

    with pytest.warns(match="the table is small"):
        books.migrate(BIG)

    order = "SELECT attname FROM pg_attribute WHERE attrelid = 'shop_book'::regclass AND attnum > 0 ORDER BY attnum"
    assert books.run(order) == [("id",), ("pages",), ("beside",)]


def test_without_the_setting_the_message_names_it(books: Shop, settings: Any) -> None:
    settings.ZERO_DOWNTIME_MIGRATIONS_ONLINE_TYPE_CHANGES = False

    with pytest.raises(UnsafeOperationException) as caught:
        books.migrate(BIG)

    assert "with ONLINE_TYPE_CHANGES it may be done online" in str(caught.value.finding)


def test_the_note_says_what_it_costs(books: Shop) -> None:
    books.run("ANALYZE shop_book")

    (found,) = books.migrate(BIG).findings

    assert (found.code, found.severity) == ("ONLINE_TYPE_CHANGE", Severity.NOTE)
    assert f"about {ROWS:,} rows" in found.message and "of WAL" in found.message


def test_what_fails_is_taken_back(books: Shop) -> None:
    """An index calls a function that has begun to fail since."""
    function = "FUNCTION inverse(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS"
    books.run(f"CREATE {function} 'SELECT 1'")
    books.run("CREATE INDEX inverse ON shop_book (inverse(pages))")
    books.run(f"CREATE OR REPLACE {function} 'SELECT 1 / ($1 - 7)'")

    with pytest.raises(DataError, match="division by zero"):
        books.migrate(BIG)

    assert books.run(TYPE) == [("integer",)]
    assert books.run(LEFT) == []
