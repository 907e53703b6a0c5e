"""Whether a query's result is there already: states of an object, drops, renames, partitions."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.execution.already_there.probes import Probe, Verdict, probe, question
from django_zero_downtime_migrations.planning.kinds import Step
from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.execution.test_probes import CHECK, INDEX, KEY, TABLES, verdict
from tests.execution.test_probes_of_operations import MAKES, queries
from tests.operations import features
from tests.partitions.tables import begin
from tests.partitions.test_result import OPERATIONS


@pytest.fixture
def books(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    run(database, TABLES)
    return database


def test_index_of_a_failed_build(books: BaseDatabaseWrapper) -> None:
    sql = 'CREATE UNIQUE INDEX CONCURRENTLY "by_a" ON "book" ("a")'
    run(books, "INSERT INTO book (id, a) VALUES (1, 1), (2, 1)")
    with pytest.raises(DatabaseError):
        run(books, sql)
    assert verdict(books, sql) is Verdict.INVALID


def test_other_index_of_a_failed_build(books: BaseDatabaseWrapper) -> None:
    run(books, "INSERT INTO book (id, a) VALUES (1, 1), (2, 1)")
    with pytest.raises(DatabaseError):
        run(books, 'CREATE UNIQUE INDEX CONCURRENTLY "by_a" ON "book" ("a")')
    assert verdict(books, INDEX) is Verdict.DIFFERS


@pytest.mark.parametrize("sql", [KEY, CHECK])
def test_not_valid_counts_as_there(sql: str, books: BaseDatabaseWrapper) -> None:
    run(books, sql)
    assert verdict(books, sql) is Verdict.DONE


@pytest.mark.parametrize("sql", [KEY, CHECK])
def test_valid_is_more_than_was_wanted(sql: str, books: BaseDatabaseWrapper) -> None:
    run(books, sql.removesuffix(" NOT VALID"))
    assert verdict(books, sql) is Verdict.DONE


@pytest.mark.parametrize("sql", [KEY, CHECK])
def test_not_valid_is_less_than_was_wanted(sql: str, books: BaseDatabaseWrapper) -> None:
    run(books, sql)
    assert verdict(books, sql.removesuffix(" NOT VALID")) is Verdict.DIFFERS


def test_default_that_goes_in_the_same_step(books: BaseDatabaseWrapper) -> None:
    add = 'ALTER TABLE "book" ADD COLUMN "c" integer DEFAULT 7 NOT NULL'
    drop = 'ALTER TABLE "book" ALTER COLUMN "c" DROP DEFAULT'
    run(books, add)
    assert verdict(books, add, drop) is Verdict.DONE
    run(books, drop)
    assert verdict(books, add, drop) is Verdict.DONE
    assert verdict(books, add) is Verdict.DIFFERS


@pytest.mark.parametrize(
    "sql",
    [
        f"{INDEX} WHERE \"b\" IN ('x', 'y')",
        'ALTER TABLE "book" ADD CONSTRAINT "positive" CHECK ("b" IN (\'x\', \'y\'))',
        'ALTER TABLE "book" ADD COLUMN "c" boolean GENERATED ALWAYS AS ("b" IN (\'x\', \'y\')) STORED',
    ],
)
def test_restored_from_a_dump(sql: str, books: BaseDatabaseWrapper) -> None:
    """The server's own text of such an expression reads otherwise once it has been run."""
    expression = "((b)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))"
    run(books, sql.replace("\"b\" IN ('x', 'y')", expression))
    assert verdict(books, sql) is Verdict.DONE


def test_constraint_that_the_server_has_numbered(database: BaseDatabaseWrapper) -> None:
    run(database, "CREATE TABLE shelf_pkey ()")
    sql = 'CREATE TABLE "shelf" ("id" bigint NOT NULL PRIMARY KEY)'
    run(database, sql)
    run(database, "DROP TABLE shelf_pkey")
    assert verdict(database, sql) is Verdict.DONE


def test_constraint_without_its_own_name(database: BaseDatabaseWrapper) -> None:
    sql = 'CREATE TABLE "shelf" ("id" bigint NOT NULL, CONSTRAINT "positive" CHECK ("id" > 0))'
    run(database, sql.replace("positive", "other"))
    assert verdict(database, sql) is Verdict.DIFFERS


# Drops and renames


@pytest.mark.parametrize(
    ("sql", "made"),
    [
        ('DROP TABLE "author" CASCADE', True),
        ('ALTER TABLE "book" DROP COLUMN "b" CASCADE', True),
        ('ALTER TABLE "author" DROP CONSTRAINT "author_pkey"', True),
        ('SET CONSTRAINTS "key" IMMEDIATE; ALTER TABLE "book" DROP CONSTRAINT "key"', True),
        ('DROP INDEX CONCURRENTLY IF EXISTS "by_a"', True),
        ('DROP SEQUENCE IF EXISTS "counts" CASCADE', True),
        ('ALTER TABLE "book" ALTER COLUMN "id" DROP IDENTITY IF EXISTS', True),
        ('DROP TRIGGER "says" ON "book"', True),
        ('ALTER TABLE "author" RENAME TO "writer"', False),
        ('ALTER TABLE "book" RENAME COLUMN "a" TO "c"', False),
        ('ALTER TABLE "author" RENAME CONSTRAINT "author_pkey" TO "other"', False),
        ('ALTER INDEX "by_a" RENAME TO "by_b"', False),
    ],
)
def test_drop_and_rename(sql: str, made: bool, books: BaseDatabaseWrapper) -> None:
    run(
        books,
        f"{INDEX.replace(' CONCURRENTLY', '')}; {KEY.replace(' DEFERRABLE INITIALLY DEFERRED', '')}; "
        "CREATE SEQUENCE counts; ALTER TABLE book ALTER id ADD GENERATED ALWAYS AS IDENTITY; "
        "CREATE FUNCTION says() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
        "CREATE TRIGGER says BEFORE INSERT ON book FOR EACH ROW EXECUTE FUNCTION says()",
    )
    if "PKEY" in sql.upper():
        run(books, "ALTER TABLE book DROP CONSTRAINT key")
    assert verdict(books, sql) is Verdict.ABSENT
    run(books, sql)
    assert verdict(books, sql) is Verdict.DONE


@pytest.mark.parametrize(
    "sql",
    [
        'ALTER TABLE "gone" DROP COLUMN "a"',
        'ALTER TABLE "gone" DROP CONSTRAINT "a"',
        'ALTER TABLE "gone" RENAME TO "also gone"',
        'ALTER TABLE "gone" RENAME COLUMN "a" TO "b"',
        'ALTER TABLE "gone" ADD COLUMN "a" integer',
        'ALTER TABLE "gone" ALTER COLUMN "a" DROP IDENTITY IF EXISTS',
        'ALTER TABLE "gone" ADD CONSTRAINT "a" CHECK ("a" > 0)',
        'CREATE INDEX "a" ON "gone" ("a")',
        'ALTER INDEX "gone" RENAME TO "also gone"',
        'ALTER INDEX "gone" ATTACH PARTITION "also gone"',
    ],
)
def test_without_its_table_the_error_stands(sql: str, books: BaseDatabaseWrapper) -> None:
    assert verdict(books, sql) is Verdict.ABSENT


def test_renamed_with_a_view_in_its_place(books: BaseDatabaseWrapper) -> None:
    run(books, "ALTER TABLE author RENAME TO writer; CREATE VIEW author AS SELECT * FROM writer")
    assert verdict(books, 'ALTER TABLE "author" RENAME TO "writer"') is Verdict.DONE


def test_index_of_another_table_has_the_new_name(books: BaseDatabaseWrapper) -> None:
    run(books, "CREATE INDEX by_b ON author (id)")
    found = probe(books, 'ALTER INDEX "by_a" RENAME TO "by_b"', '"book"')
    assert found is not None
    assert found.verdict is Verdict.DIFFERS


def test_trigger_that_is_made_anew(books: BaseDatabaseWrapper) -> None:
    run(books, "CREATE FUNCTION says() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    run(books, "CREATE TRIGGER says BEFORE INSERT ON book FOR EACH ROW EXECUTE FUNCTION says()")
    [(definition,)] = run(books, "SELECT pg_get_triggerdef(oid) FROM pg_trigger")
    assert verdict(books, definition) is Verdict.DONE
    run(books, "DROP TRIGGER says ON book")
    assert verdict(books, definition) is Verdict.ABSENT


# Which queries


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "GRANT SELECT ON book TO PUBLIC",
        "CREATE EXTENSION IF NOT EXISTS citext",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TYPE mood ADD VALUE 'sad'",
        "",
    ],
)
def test_other_queries_are_nobodys(sql: str, database: BaseDatabaseWrapper) -> None:
    assert not question(sql)
    assert probe(database, sql) is None


@pytest.mark.parametrize(
    "sql",
    [
        'ALTER TABLE "book" ALTER COLUMN "a" TYPE bigint USING "a"::bigint',
        'ALTER TABLE "book" ALTER COLUMN "a" SET DEFAULT 7',
        'ALTER TABLE "book" ALTER COLUMN "a" DROP NOT NULL',
        'ALTER TABLE "book" VALIDATE CONSTRAINT "key"',
        'ALTER TABLE "book" SET TABLESPACE "fast"',
        'ALTER SEQUENCE IF EXISTS "book_id_seq" AS bigint',
        "COMMENT ON TABLE \"book\" IS 'x'",
        'COMMENT ON COLUMN "book"."a" IS NULL',
        'UPDATE "book" SET "a" = 7 WHERE "a" IS NULL; SET CONSTRAINTS ALL IMMEDIATE',
    ],
)
def test_for_what_can_be_done_twice_the_error_stands(sql: str, books: BaseDatabaseWrapper) -> None:
    assert verdict(books, sql) is Verdict.ABSENT


# Partitions


def collected(shop: Shop, operations: list[Any]) -> list[Step]:
    steps: list[Step] = []
    migration = shop._migration(tuple(operations), True)
    with shop.connection.schema_editor(collect_sql=True) as editor:
        editor._reader.run = lambda plan: steps.extend(plan.steps)
        migration.apply(shop.states[-1].clone(), editor, collect_sql=True)
    return [step for step in steps if not isinstance(step.statement, s.Raw)]


@pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
@pytest.mark.parametrize("name", OPERATIONS)
def test_partitioned_table(name: str, shop: Shop) -> None:
    begin(shop)
    steps = collected(shop, OPERATIONS[name])
    shop.migrate(*OPERATIONS[name])
    for step in steps:
        texts = queries(step, shop.connection)
        for number, sql in enumerate(texts):
            found = probe(shop.connection, sql, step.statement.table, texts[number + 1 :])
            assert found is not None, sql
            assert found.verdict is not Verdict.DIFFERS, found
            # The proof of a NOT NULL is dropped again.
            if any(word in sql for word in MAKES) and "_zdm_" not in sql and len(OPERATIONS[name]) == 1:
                assert found.verdict is Verdict.DONE, (sql, found)


def test_part_of_another_index(shop: Shop) -> None:
    begin(shop)
    shop.run("CREATE INDEX a ON ONLY shop_event (kind); CREATE INDEX b ON shop_event (kind)")
    [(part,)] = shop.run(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'event_1'::regclass AND NOT indisprimary"
    )
    found = probe(shop.connection, f'ALTER INDEX "a" ATTACH PARTITION "{part}"')
    assert found == Probe(Verdict.DIFFERS, f'The part "{part}" of the index "a"', "a part of b", 'a part of "a"')


if features.SERVER >= 18:

    @pytest.mark.parametrize("there", ["NOT NULL b NOT VALID", "NOT NULL b"])
    def test_not_null_not_valid(there: str, books: BaseDatabaseWrapper) -> None:
        run(books, f"ALTER TABLE book ADD CONSTRAINT there {there}")
        assert verdict(books, 'ALTER TABLE "book" ADD CONSTRAINT "there" NOT NULL "b" NOT VALID') is Verdict.DONE
