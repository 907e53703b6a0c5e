"""The rows that stop a constraint or a unique index: some primary keys of theirs, and a query that finds all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.execution.failures import violating_rows as module
from django_zero_downtime_migrations.execution.failures.violating_rows import violating_rows
from django_zero_downtime_migrations.planning.kinds import Long, Short, Step, UsersOwn
from django_zero_downtime_migrations.planning.queries import Query
from django_zero_downtime_migrations.settings import MigrationSettings
from tests.backends.sessions import run

HIDDEN = MigrationSettings()
SHOWN = MigrationSettings(show_offending_values=True)
BOOKS = """
CREATE TABLE author (id integer PRIMARY KEY);
CREATE TABLE book (id integer PRIMARY KEY, title text, pages integer, author_id integer);
INSERT INTO author VALUES (1);
INSERT INTO book VALUES (1, 'a', 1, 1), (2, 'A', 0, 2), (3, 'a', NULL, 3), (4, NULL, 7, NULL), (5, 'b', -3, 1)
"""
UNIQUE = "CREATE UNIQUE INDEX CONCURRENTLY one ON"


@pytest.fixture
def execute(database: BaseDatabaseWrapper) -> Callable[[str], list[tuple[Any, ...]]]:
    def send(sql: str) -> list[tuple[Any, ...]]:
        with database.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    return send


@pytest.fixture
def books(execute: Callable[[str], Any]) -> None:
    execute(BOOKS)


@pytest.fixture
def told(database: BaseDatabaseWrapper, execute: Callable[[str], Any]) -> Callable[..., str]:
    """told(sql, table): the text about the rows because of which this statement fails."""

    def tell(
        sql: str,
        table: str = "book",
        settings: MigrationSettings = HIDDEN,
        kind: type[Step] = Long,
        statement: type[Any] = s.ValidateConstraint,
    ) -> str:
        names = {s.SetNotNull: {"column": "c"}}.get(statement, {"name": "n"})
        step = kind(queries=(Query(sql),), statement=statement(sql=sql, table=table, **names))
        with pytest.raises(DatabaseError) as failed:
            execute(sql)
        return violating_rows(database, step, failed.value, settings)

    return tell


def query_of(text: str) -> str:
    return re.split(r"To see all: |To see them: ", text)[1]


pytestmark = pytest.mark.usefixtures("books")


# Unique


def test_duplicates_are_told_beside_each_other(told: Any) -> None:
    assert told(f"{UNIQUE} book (title)").startswith("Rows of public.book with the same title: id 1 = 3. To see all: ")


def test_the_query_for_all_duplicates_has_their_values_and_numbers(told: Any, execute: Any) -> None:
    assert execute(query_of(told(f"{UNIQUE} book (title)"))) == [("a", 2)]


@pytest.mark.parametrize(
    ("rest", "expected", "rows"),
    [
        ("(lower(title))", "lower(title): id 1 = 2 = 3", [("a", 3)]),
        ('(title COLLATE "C")', 'title COLLATE pg_catalog."C": id 1 = 3', [("a", 2)]),
        ("((pages > 0)) WHERE pages IS DISTINCT FROM 7 AND id < 6", "(pages > 0): id 2 = 5", [(False, 2)]),
        ("(author_id) INCLUDE (title)", "author_id: id 1 = 5 = 6", [(1, 3)]),
        ("(author_id, (pages % 4)) WHERE title LIKE '%'", "author_id, (pages % 4): id 1 = 6", [(1, 1, 2)]),
    ],
    ids=["expression", "collation", "predicate", "include", "several columns"],
)
def test_duplicates_are_what_the_index_calls_the_same(
    told: Any, execute: Any, rest: str, expected: str, rows: list[Any]
) -> None:
    execute("INSERT INTO book VALUES (6, 'c', 1, 1)")
    text = told(f"{UNIQUE} book {rest}")
    assert text.startswith(f"Rows of public.book with the same {expected}. ")
    assert sorted(execute(query_of(text))) == rows


def test_nulls_are_no_duplicates(told: Any, execute: Any) -> None:
    execute("INSERT INTO book VALUES (6)")
    assert "id 1 = 3. " in told(f"{UNIQUE} book (title)")


def test_nulls_are_duplicates_where_the_index_says_so(told: Any, execute: Any, server_major: int) -> None:
    if server_major < 15:
        with pytest.raises(DatabaseError, match="syntax error"):
            execute(f"{UNIQUE} book (pages) NULLS NOT DISTINCT")
        return
    execute("INSERT INTO book VALUES (6, 'x')")
    text = told(f"{UNIQUE} book (pages) NULLS NOT DISTINCT")
    assert text.startswith("Rows of public.book with the same pages: id 3 = 6. ")
    assert execute(query_of(text)) == [(None, 2)]


def test_groups_of_duplicates_are_told_apart(told: Any, execute: Any) -> None:
    execute("DELETE FROM book; INSERT INTO book VALUES (1, 'a'), (2, 'b'), (3, 'a'), (4, 'b'), (5, 'c')")
    assert "title: id 1 = 3, 2 = 4. " in told(f"{UNIQUE} book (title)")


def test_nothing_is_told_when_no_index_is_left(told: Any) -> None:
    assert told("ALTER TABLE book ADD CONSTRAINT one UNIQUE (title)") == ""


def test_nothing_is_told_when_the_index_is_not_the_one_that_failed(told: Any, execute: Any) -> None:
    execute("CREATE UNIQUE INDEX valid ON book (id)")
    assert told("INSERT INTO book VALUES (1)") == ""


# Foreign keys


FOREIGN = "ALTER TABLE book ADD CONSTRAINT link FOREIGN KEY (author_id) REFERENCES author NOT VALID"
VALIDATE_LINK = "ALTER TABLE book VALIDATE CONSTRAINT link"


def test_rows_that_point_to_nothing(told: Any, execute: Any) -> None:
    execute(FOREIGN)
    text = told(VALIDATE_LINK)
    assert text.startswith("Rows of public.book whose author_id is not in public.author: id 2, 3. To see all: ")
    assert execute(query_of(text)) == [(2,), (3,)]


@pytest.mark.parametrize(("match", "expected"), [("SIMPLE", "id 3"), ("FULL", "id 3, 4")])
def test_foreign_key_of_two_columns(told: Any, execute: Any, match: str, expected: str) -> None:
    execute("ALTER TABLE author ADD number integer DEFAULT 1, ADD UNIQUE (number, id)")
    execute("DELETE FROM book; INSERT INTO book VALUES (1, '', 1, 1), (2, '', NULL, NULL), (3, '', 1, 9)")
    execute("INSERT INTO book VALUES (4, '', 1, NULL)")
    execute(
        "ALTER TABLE book ADD CONSTRAINT link FOREIGN KEY (pages, author_id) REFERENCES author (number, id) "
        f"MATCH {match} NOT VALID"
    )
    text = told(VALIDATE_LINK)
    assert text.startswith(f"Rows of public.book whose pages, author_id is not in public.author: {expected}. ")
    assert [f"{key}" for (key,) in execute(query_of(text))] == re.findall(r"\d", expected)


def test_foreign_key_to_the_table_itself(told: Any, execute: Any) -> None:
    execute("ALTER TABLE book ADD CONSTRAINT link FOREIGN KEY (pages) REFERENCES book NOT VALID")
    assert ": id 2, 4, 5. " in told(VALIDATE_LINK)


# CHECK and NOT NULL


def test_rows_that_violate_a_check(told: Any, execute: Any) -> None:
    execute("ALTER TABLE book ADD CONSTRAINT positive CHECK (pages > 0 AND title NOT LIKE 'x%') NOT VALID")
    text = told("ALTER TABLE book VALIDATE CONSTRAINT positive")
    assert text.startswith("Rows of public.book that violate positive: id 2, 5. To see all: ")
    assert execute(query_of(text)) == [(2,), (5,)]


def test_rows_that_the_proof_of_a_not_null_finds(told: Any, execute: Any) -> None:
    execute("ALTER TABLE book ADD CONSTRAINT proof CHECK (pages IS NOT NULL) NOT VALID")
    text = told("ALTER TABLE book VALIDATE CONSTRAINT proof", statement=s.SetNotNull)
    assert text.startswith("Rows of public.book with NULL in pages: id 3. ")


def test_rows_that_stop_set_not_null(told: Any, execute: Any) -> None:
    text = told("ALTER TABLE book ALTER COLUMN pages SET NOT NULL", kind=Short, statement=s.SetNotNull)
    assert text == (
        "Rows of public.book with NULL in pages: id 3. To see all: SELECT id FROM public.book WHERE pages IS NULL"
    )


def test_rows_that_stop_the_validation_of_a_not_null(told: Any, execute: Any, server_major: int) -> None:
    add = "ALTER TABLE book ADD CONSTRAINT filled NOT NULL pages NOT VALID"
    if server_major < 18:
        with pytest.raises(DatabaseError, match="syntax error"):
            execute(add)
        return
    execute(add)
    text = told("ALTER TABLE book VALIDATE CONSTRAINT filled", statement=s.SetNotNull)
    assert text.startswith("Rows of public.book with NULL in pages: id 3. ")
    assert execute(query_of(text)) == [(3,)]


def test_nothing_is_told_of_a_column_that_was_to_be_added(told: Any) -> None:
    assert told("ALTER TABLE book ADD COLUMN isbn text NOT NULL", kind=Short) == ""


# Values


def test_values_are_shown_only_where_they_may_be(told: Any, execute: Any) -> None:
    execute(FOREIGN)
    assert ": id 2, 3. " in told(VALIDATE_LINK)
    assert ": id 2 with '2', 3 with '3'. " in told(VALIDATE_LINK, settings=SHOWN)


def test_values_of_duplicates(told: Any) -> None:
    text = told(f"{UNIQUE} book (lower(title))", settings=SHOWN)
    assert ": id 1 with 'a' = 2 with 'a' = 3 with 'a'. " in text


def test_values_that_violate_a_check(told: Any, execute: Any) -> None:
    execute("ALTER TABLE book ADD CONSTRAINT known CHECK (title IS NOT NULL AND author_id < 3) NOT VALID")
    text = told("ALTER TABLE book VALIDATE CONSTRAINT known", settings=SHOWN)
    assert ": id 3 with 'a', '3', 4 with NULL, NULL. " in text


def test_long_values_are_cut(told: Any, execute: Any) -> None:
    execute("UPDATE book SET title = repeat('x', 1000) WHERE id IN (1, 3)")
    assert f"id 1 with '{'x' * 60}' = 3" in told(f"{UNIQUE} book (title)", settings=SHOWN)


# Names and keys


def test_a_key_of_several_columns(told: Any, execute: Any) -> None:
    execute('CREATE TABLE line ("Order" integer, number integer, pages integer, PRIMARY KEY ("Order", number))')
    execute("INSERT INTO line VALUES (1, 1, 0), (1, 2, 1), (2, 1, 0)")
    execute("ALTER TABLE line ADD CONSTRAINT positive CHECK (pages > 0) NOT VALID")
    text = told("ALTER TABLE line VALIDATE CONSTRAINT positive", "line")
    assert text.startswith('Rows of public.line that violate positive: ("Order", number) (1, 1), (2, 1). ')


def test_a_table_without_a_primary_key(told: Any, execute: Any) -> None:
    execute("CREATE TABLE line (pages integer); INSERT INTO line VALUES (0), (1), (0)")
    execute("ALTER TABLE line ADD CONSTRAINT positive CHECK (pages > 0) NOT VALID")
    text = told("ALTER TABLE line VALIDATE CONSTRAINT positive", "line")
    assert text.startswith("Rows of public.line that violate positive: ctid (0,1), (0,3). ")


def test_names_that_need_quotes_in_another_schema(told: Any, execute: Any) -> None:
    execute('CREATE SCHEMA "My"; CREATE TABLE "My"."The ""book" ("Id" integer PRIMARY KEY, "A %s" text)')
    execute("""INSERT INTO "My"."The ""book" VALUES (7, 'x'), (8, 'x')""")
    text = told(f'{UNIQUE} "My"."The ""book" ("A %s")', '"My"."The ""book"')
    assert text.startswith('Rows of "My"."The ""book" with the same "A %s": "Id" 7 = 8. ')
    assert execute(query_of(text)) == [("x", 2)]


def test_the_table_of_the_statement_is_found_by_the_search_path(told: Any, execute: Any) -> None:
    execute("CREATE SCHEMA tenant; SET search_path = tenant, public; CREATE TABLE book (id integer PRIMARY KEY)")
    execute("INSERT INTO book VALUES (0); ALTER TABLE book ADD CONSTRAINT positive CHECK (id > 0) NOT VALID")
    text = told("ALTER TABLE book VALIDATE CONSTRAINT positive")
    assert text.startswith("Rows of tenant.book that violate positive: id 0. ")


PARTITIONED = """
CREATE TABLE visit (id integer, page integer) PARTITION BY RANGE (id);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (10);
CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM (10) TO (20);
INSERT INTO visit VALUES (1, 0), (2, 1), (11, 0), (12, 1), (13, 1)
"""


def test_a_check_of_a_partitioned_table_is_searched_in_all_partitions(told: Any, execute: Any) -> None:
    execute(PARTITIONED)
    execute(
        "ALTER TABLE visit ADD PRIMARY KEY (id); ALTER TABLE visit ADD CONSTRAINT positive CHECK (page > 0) NOT VALID"
    )
    text = told("ALTER TABLE visit VALIDATE CONSTRAINT positive", "visit")
    assert text.startswith("Rows of public.visit that violate positive: id 1, 11. ")


def test_rows_of_partitions_without_a_primary_key_are_told_with_their_partition(told: Any, execute: Any) -> None:
    execute(PARTITIONED)
    execute("ALTER TABLE visit ADD CONSTRAINT positive CHECK (page > 0) NOT VALID")
    text = told("ALTER TABLE visit VALIDATE CONSTRAINT positive", "visit")
    assert ": (tableoid::pg_catalog.regclass, ctid) (visit_1, (0,1)), (visit_2, (0,1)). " in text


def test_duplicates_in_one_partition(told: Any, execute: Any) -> None:
    execute(PARTITIONED)
    text = told(f"{UNIQUE} visit_2 (page)", "visit")
    assert text.startswith("Rows of public.visit_2 with the same page: ctid (0,2) = (0,3). ")


def test_foreign_key_of_a_partition(told: Any, execute: Any) -> None:
    execute(PARTITIONED)
    execute("ALTER TABLE visit_2 ADD CONSTRAINT link FOREIGN KEY (page) REFERENCES author NOT VALID")
    text = told("ALTER TABLE visit_2 VALIDATE CONSTRAINT link", "visit")
    assert text.startswith("Rows of public.visit_2 whose page is not in public.author: ctid (0,1). ")


def test_foreign_key_to_a_partitioned_table(told: Any, execute: Any) -> None:
    execute(PARTITIONED)
    execute("ALTER TABLE visit ADD PRIMARY KEY (id)")
    execute("ALTER TABLE book ADD CONSTRAINT link FOREIGN KEY (id) REFERENCES visit NOT VALID")
    assert "not in public.visit: id 3, 4, 5. " in told(VALIDATE_LINK)


def test_rows_of_a_child_table_count_for_a_check_and_not_for_an_index(told: Any, execute: Any) -> None:
    execute("CREATE TABLE comic () INHERITS (book); INSERT INTO comic VALUES (9, 'b', -1)")
    execute("ALTER TABLE book ADD CONSTRAINT positive CHECK (pages > 0) NOT VALID")
    assert ": id 2, 5, 9. " in told("ALTER TABLE book VALIDATE CONSTRAINT positive")
    assert ": id 1 = 3. " in told(f"{UNIQUE} book (title)")


# Bounds


MANY = "INSERT INTO book SELECT n, 'many', -1 FROM generate_series(100, 5000) n"


def test_ten_rows_are_told_at_most(told: Any, execute: Any) -> None:
    execute(MANY)
    execute("ALTER TABLE book ADD CONSTRAINT positive CHECK (pages > 0) NOT VALID")
    text = told("ALTER TABLE book VALIDATE CONSTRAINT positive")
    assert ": id 2, 5, 100, 101, 102, 103, 104, 105, 106, 107 and more. To see all: " in text


def test_ten_duplicates_are_told_at_most(told: Any, execute: Any) -> None:
    execute(MANY)
    text = told(f"{UNIQUE} book (title)")
    assert text.partition(" and more")[0].count("=") == 8
    assert len(re.findall(r"\d+", text.partition(" and more")[0])) == 10


def test_a_search_that_takes_too_long_gives_the_query(told: Any, execute: Any, monkeypatch: Any) -> None:
    execute(
        "CREATE FUNCTION slow(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN "
        "PERFORM pg_sleep(0.3); RETURN $1 < 7; END $$"
    )
    monkeypatch.setattr(module, "SEARCH", 100)
    execute("ALTER TABLE book ADD CONSTRAINT slowly CHECK (slow(pages)) NOT VALID")
    text = told("ALTER TABLE book VALIDATE CONSTRAINT slowly")
    assert text.startswith(
        "Rows of public.book that violate slowly: to find them takes longer than 0.1 s. To see them: SELECT id FROM "
    )
    assert execute(query_of(text)) == [(4,)]


def test_a_search_does_not_wait_for_a_lock_for_long(
    told: Any, execute: Any, other_session: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(module, "LOCK", 50)
    # The other table is locked only after the validation has failed.
    monkeypatch.setattr(module, "_rows", locked_first(module._rows, other_session))
    execute(FOREIGN)
    text = told(VALIDATE_LINK)
    other_session.rollback()
    assert "to find them takes longer than" in text


def locked_first(rows: Callable[..., Any], session: Any) -> Callable[..., Any]:
    def after_lock(*values: Any) -> Any:
        run(session, "LOCK TABLE author IN ACCESS EXCLUSIVE MODE")
        return rows(*values)

    return after_lock


def test_a_search_holds_no_more_than_access_share(
    database: BaseDatabaseWrapper, told: Any, execute: Any, monkeypatch: Any
) -> None:
    seen: set[tuple[Any, ...]] = set()

    def rows(connection: Any, sql: str, limits: dict[str, int]) -> list[tuple[Any, ...]]:
        with transaction.atomic(connection.alias):
            found = kept(connection, sql, limits)
            seen.update(execute("SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"))
        return found

    kept = module._rows
    monkeypatch.setattr(module, "_rows", rows)
    execute(FOREIGN)
    assert ": id 2, 3. " in told(VALIDATE_LINK)
    assert seen == {("AccessShareLock",)}


def test_nothing_is_left_on_the_connection(database: BaseDatabaseWrapper, told: Any, execute: Any) -> None:
    told(f"{UNIQUE} book (title)")
    names = "('statement_timeout', 'lock_timeout', 'transaction_read_only')"
    assert execute(f"SELECT DISTINCT setting FROM pg_settings WHERE name IN {names} ORDER BY 1") == [("0",), ("off",)]
    assert database.get_autocommit()


# Nothing to say


def test_nothing_is_told_when_the_rows_are_right_by_now(
    told: Any, execute: Any, other_session: Any, monkeypatch: Any
) -> None:
    def rows(*values: Any) -> Any:
        run(other_session, "DELETE FROM book")
        other_session.commit()
        return kept(*values)

    kept = module._rows
    monkeypatch.setattr(module, "_rows", rows)
    execute(FOREIGN)
    assert told(VALIDATE_LINK) == ""


def test_nothing_is_told_of_another_error(told: Any) -> None:
    assert told("SELECT 1 FROM nowhere") == ""


def test_nothing_is_told_of_rows_that_are_just_written(told: Any, execute: Any) -> None:
    execute("ALTER TABLE book ADD CONSTRAINT positive CHECK (pages > 0) NOT VALID")
    assert told("UPDATE book SET pages = -1", kind=UsersOwn) == ""


def test_a_search_that_fails_raises_nothing(told: Any, execute: Any, caplog: Any) -> None:
    caplog.set_level("DEBUG", logger="django_zero_downtime_migrations")
    execute(
        "CREATE FUNCTION odd(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF "
        "current_setting('transaction_read_only')::bool THEN RAISE 'odd'; END IF; RETURN false; END $$"
    )
    execute("ALTER TABLE book ADD CONSTRAINT oddly CHECK (odd(pages)) NOT VALID")
    assert told("ALTER TABLE book VALIDATE CONSTRAINT oddly") == ""
    assert "could not be found" in caplog.text


def test_nothing_is_asked_in_a_transaction(told: Any, execute: Any, database: BaseDatabaseWrapper) -> None:
    execute(FOREIGN)
    with pytest.raises(DatabaseError), transaction.atomic(database.alias):
        assert told(VALIDATE_LINK) == ""
        execute("SELECT 1")


def test_a_closed_connection_raises_nothing(database: BaseDatabaseWrapper, execute: Any) -> None:
    execute(FOREIGN)
    validate = s.ValidateConstraint(sql=VALIDATE_LINK, table="book", name="n")
    step = Long(queries=(Query(VALIDATE_LINK),), statement=validate)
    with pytest.raises(DatabaseError) as failed:
        execute(VALIDATE_LINK)
    database.connection.close()
    assert violating_rows(database, step, failed.value, SHOWN) == ""


HOSTILE = "e'e\n\x1b[2J\u202e@example.com"
KEYS = """
CREATE DOMAIN mail AS text; CREATE DOMAIN number AS integer;
CREATE TABLE person (email {type} PRIMARY KEY, age integer);
"""


@pytest.mark.parametrize("kind", ["text", "varchar(50)", "mail", "date", "inet", "numeric", "timestamptz"])
def test_keys_that_may_say_something_of_somebody_are_values(told: Any, execute: Any, kind: str) -> None:
    execute(KEYS.format(type=kind))
    values = {"date": "2001-02-03", "timestamptz": "2001-02-03", "inet": "10.1.2.3", "numeric": "4711"}
    value = values.get(kind, "somebody@example.com")
    execute(f"INSERT INTO person VALUES ('{value}', -1); ALTER TABLE person ADD CONSTRAINT c CHECK (age > 0) NOT VALID")
    hidden = told("ALTER TABLE person VALIDATE CONSTRAINT c", "person")
    assert value not in hidden
    said = "Rows of public.person that violate c: ctid (0,1) (its key is shown with SHOW_OFFENDING_VALUES). "
    assert hidden.startswith(f"{said}To see all: SELECT email FROM public.person")
    shown = told("ALTER TABLE person VALIDATE CONSTRAINT c", "person", SHOWN)
    told_as = rf"Rows of public\.person that violate c: email '{re.escape(value)}[^']*' with '-1'\. "
    assert re.match(told_as, shown), shown


@pytest.mark.parametrize("kind", ["smallint", "integer", "bigint", "number"])
def test_keys_that_are_numbers_are_told(told: Any, execute: Any, kind: str) -> None:
    execute(KEYS.format(type=kind))
    execute("INSERT INTO person VALUES (5, -1); ALTER TABLE person ADD CONSTRAINT c CHECK (age > 0) NOT VALID")
    assert "that violate c: email 5. " in told("ALTER TABLE person VALIDATE CONSTRAINT c", "person")


def test_part_of_a_key_hides_the_whole(told: Any, execute: Any) -> None:
    execute("CREATE TABLE part (shop integer, email text, age integer, PRIMARY KEY (shop, email))")
    execute("INSERT INTO part VALUES (1, 'a@b', -1); ALTER TABLE part ADD CONSTRAINT c CHECK (age > 0) NOT VALID")
    assert "that violate c: ctid (0,1) (" in told("ALTER TABLE part VALIDATE CONSTRAINT c", "part")


def test_control_characters_are_escaped_wherever_they_come_from(told: Any, execute: Any, database: Any) -> None:
    execute('CREATE TABLE "a\x1b[2Jb" ("k\n\u202ed" text PRIMARY KEY, age integer)')
    run(database, 'INSERT INTO "a\x1b[2Jb" VALUES (%s, -1)', HOSTILE)
    execute('ALTER TABLE "a\x1b[2Jb" ADD CONSTRAINT "c\x1b\n" CHECK (age > 0) NOT VALID')
    text = told('ALTER TABLE "a\x1b[2Jb" VALIDATE CONSTRAINT "c\x1b\n"', '"a\x1b[2Jb"', SHOWN)
    assert r"e'e\n\x1b[2J\u202e@example.com" in text
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", text.partition("To see all")[0])
