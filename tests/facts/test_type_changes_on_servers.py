"""The judgement of type changes, against the server itself: each ALTER runs and is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from django_zero_downtime_migrations.type_changes import Effect, TypeChange
from django_zero_downtime_migrations.type_changes.judge import judge
from tests import databases

ROWS = "INSERT INTO x (id, c) SELECT n, n FROM generate_series(1, 50) n"
TEXT = f"CREATE TABLE x (id integer PRIMARY KEY, c varchar(10)); {ROWS};"
NUMBER = f"CREATE TABLE x (id integer PRIMARY KEY, c integer); {ROWS};"
TIME = """
    CREATE TABLE x (id integer PRIMARY KEY, c timestamp);
    INSERT INTO x SELECT n, '2020-01-01' FROM generate_series(1, 50) n;
    CREATE INDEX i ON x (c);
"""
PARENT = "CREATE TABLE p (c varchar(10) PRIMARY KEY); INSERT INTO p SELECT c FROM x;"
PARTITIONED = """
    CREATE TABLE x (id integer, c varchar(10)) PARTITION BY RANGE (id);
    CREATE TABLE x1 PARTITION OF x FOR VALUES FROM (0) TO (25);
    CREATE TABLE x2 PARTITION OF x FOR VALUES FROM (25) TO (100);
    INSERT INTO x SELECT n, n FROM generate_series(1, 50) n;
"""
INHERITED = f"{TEXT} CREATE TABLE child () INHERITS (x); INSERT INTO child SELECT n, n FROM generate_series(1, 50) n;"

FREE = [
    (TEXT, "varchar(20)"),
    (TEXT, "text"),
    (f"{TEXT} CREATE INDEX i ON x (c); CREATE INDEX l ON x (c varchar_pattern_ops)", "text"),
    (f"{TEXT} CREATE INDEX i ON x USING hash (c); CREATE INDEX k ON x (id) INCLUDE (c)", "varchar(20)"),
    (f"{TEXT} ALTER TABLE x ADD CHECK (c <> '') NOT VALID, ADD UNIQUE (id, c), ALTER c SET NOT NULL", "varchar(20)"),
    (f"{TEXT} {PARENT} ALTER TABLE x ADD CONSTRAINT k FOREIGN KEY (c) REFERENCES p", "text"),
    (f"{TEXT} ALTER TABLE x ADD UNIQUE (c), ADD CONSTRAINT k FOREIGN KEY (c) REFERENCES x (c)", "varchar(20)"),
    (f"{TEXT} CREATE VIEW v AS SELECT id FROM x; CREATE STATISTICS s ON id, c FROM x", "varchar(20)"),
    (f"{TEXT} CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(c) FROM x'", "varchar(20)"),
    (f"{TEXT} ALTER TABLE x ALTER c SET DEFAULT 'a'", "text"),
    (f"{TEXT} ALTER TABLE x ADD d jsonb; CREATE INDEX i ON x USING gin (d)", "varchar(20)"),
    (f"{TEXT} CREATE DOMAIN word AS varchar(20)", "word"),
    (f"{TEXT} ALTER TABLE x ADD EXCLUDE USING btree (c WITH =)", "varchar(20)"),
    (f"{TEXT} SELECT 1", 'text COLLATE "C"'),
    (PARTITIONED, "varchar(20)"),
    (f"{PARTITIONED} CREATE INDEX i ON x1 (c); CREATE INDEX k ON x (id)", "varchar(20)"),
    (INHERITED, "varchar(20)"),
    ("CREATE TABLE x (id integer, c varchar(10)[]); CREATE INDEX i ON x (c)", "varchar[]"),
    ("CREATE TABLE x (id integer, c numeric(10, 2)); CREATE INDEX i ON x (c)", "numeric(12, 2)"),
    ("CREATE TABLE x (id integer, c numeric(10, 2)); CREATE INDEX i ON x (c)", "numeric"),
    ("CREATE TABLE x (id integer, c interval day to second); CREATE INDEX i ON x (c)", "interval"),
    ("CREATE TABLE x (id integer, c interval)", "interval second(6)"),
    ("CREATE TABLE x (id integer, c interval(3))", "interval second(4)"),
    ("CREATE TABLE x (id integer, c interval year to month)", "interval day"),
    ("CREATE TABLE x (id integer, c interval hour)", "interval(0)"),
]
SCANS = [
    (f"{TEXT} ALTER TABLE x ADD CHECK (c <> '')", "varchar(20)"),
    (f"{TEXT} ALTER TABLE x ADD CHECK (c IS NOT NULL), ADD CHECK (id > 0) NOT VALID", "text"),
    (f"{INHERITED} ALTER TABLE child ADD CHECK (c <> '')", "varchar(20)"),
    (
        f"{TIME} DROP INDEX i; CREATE TABLE p (c timestamp PRIMARY KEY); INSERT INTO p VALUES ('2020-01-01');"
        "ALTER TABLE x ADD FOREIGN KEY (c) REFERENCES p",
        "timestamp with time zone",
    ),
]
INDEX_REBUILDS = [
    (f"{TEXT} CREATE INDEX i ON x (upper(c))", "varchar(20)"),
    (f"{TEXT} CREATE INDEX i ON x (c) WHERE id > 5", "varchar(20)"),
    (f"{TEXT} CREATE INDEX i ON x (id) WHERE c IS NOT NULL; ALTER TABLE x ADD CHECK (c <> '')", "text"),
    (f"{TEXT} CREATE INDEX i ON x (c, (id + 1))", "varchar(20)"),
    (f"{TEXT} CREATE INDEX i ON x (c)", 'varchar(10) COLLATE "C"'),
    (f'{TEXT} CREATE INDEX i ON x (c COLLATE "C"); CREATE INDEX k ON x (c)', 'text COLLATE "POSIX"'),
    (
        f"{TEXT} CREATE INDEX i ON x (c); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass",
        "text",
    ),
    (f"{TEXT} CREATE INDEX i ON x (c)", "citext"),
    (f"{NUMBER} CREATE INDEX i ON x (c)", "oid"),
    (f"{PARTITIONED} CREATE INDEX i ON x2 (upper(c))", "varchar(20)"),
    (f"{PARTITIONED} CREATE INDEX i ON x (lower(c))", "varchar(20)"),
    (f"{PARTITIONED} CREATE INDEX i ON x (c)", "varchar(20)"),
    (f"{PARTITIONED} ALTER TABLE x ADD UNIQUE (id, c)", "varchar(20)"),
    (f"{PARTITIONED} CREATE INDEX i ON x (id) INCLUDE (c)", "varchar(20)"),
    (TIME, "timestamp with time zone"),
    ("CREATE TABLE x (id integer, c varchar(10)[]); CREATE INDEX i ON x USING gin (c)", "varchar[]"),
]
REWRITES = [
    (TEXT, "varchar(5)"),
    (TEXT, "char(10)"),
    (f"{TEXT} CREATE DOMAIN word AS text CHECK (value <> '')", "word"),
    (NUMBER, "bigint"),
    (PARTITIONED, "varchar(5)"),
    (f"{TIME} SET LOCAL TimeZone = 'Africa/Abidjan'", "timestamp with time zone"),
    ("CREATE TABLE x (id integer, c varchar(10)[])", "varchar(20)[]"),
    ("CREATE TABLE x (id integer, c numeric(10, 2))", "numeric(12, 3)"),
    ("CREATE TABLE x (id integer, c interval)", "interval day"),
    ("CREATE TABLE x (id integer, c interval second(4))", "interval(3)"),
    ("CREATE DOMAIN d AS varchar(10); CREATE TABLE x (id integer, c d)", "varchar(10)"),
]
REFUSED = [
    (f"{TEXT} CREATE VIEW v AS SELECT c FROM x", "varchar(20)"),
    (f"{TEXT} CREATE MATERIALIZED VIEW v AS SELECT c FROM x", "varchar(20)"),
    (f"{TEXT} CREATE RULE r AS ON DELETE TO x WHERE OLD.c IS NULL DO NOTHING", "varchar(20)"),
    (f"{TEXT} CREATE POLICY p ON x USING (c IS NOT NULL)", "varchar(20)"),
    (f"{TEXT} ALTER TABLE x ADD g text GENERATED ALWAYS AS (c || 'a') STORED", "varchar(20)"),
    (f"{TEXT} CREATE FUNCTION f() RETURNS bigint BEGIN ATOMIC SELECT count(c) FROM x; END", "varchar(20)"),
    (
        f"{TEXT} CREATE TRIGGER t BEFORE UPDATE OF c ON x"
        " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "varchar(20)",
    ),
    (f"{TEXT} CREATE TABLE y (r x)", "varchar(20)"),
    (f"{TEXT} CREATE TABLE y (r x[])", "varchar(20)"),
    (f"{TEXT} {PARENT} ALTER TABLE x ADD FOREIGN KEY (c) REFERENCES p", "integer"),
    (f"{TEXT} CREATE INDEX i ON x (c varchar_pattern_ops)", "char(10)"),
    (f"{TEXT} CREATE INDEX i ON x (c)", "json"),
    (f"{TEXT} ALTER TABLE x ALTER c SET DEFAULT 'a'", "integer"),
    (f"{TEXT} CREATE STATISTICS s ON id, c FROM x", "json"),
    (f'{TEXT} CREATE INDEX i ON x (c COLLATE "C")', "integer"),
    ("CREATE TABLE x (id integer, c varchar(10)) PARTITION BY LIST (c)", "varchar(20)"),
    ("CREATE TABLE x (id integer, c varchar(10)) PARTITION BY LIST (lower(c))", "varchar(20)"),
    ("CREATE TABLE p (id integer, c varchar(10)); CREATE TABLE x () INHERITS (p)", "varchar(20)"),
    ("CREATE TYPE t AS (id integer, c varchar(10)); CREATE TABLE x OF t", "varchar(20)"),
    ("CREATE TABLE x (id integer, c integer GENERATED ALWAYS AS IDENTITY)", "numeric"),
    ("CREATE TABLE x (id integer, c integer)", "uuid"),
    ("CREATE TABLE x (id integer, c integer)", 'bigint COLLATE "C"'),
    ("CREATE VIEW x AS SELECT 1 AS id, 'a'::varchar(10) AS c", "varchar(20)"),
]
CASES = [
    pytest.param(effect, create, target, id=f"{effect.name}-{number}")
    for effect, cases in (
        (Effect.CATALOGUE, FREE),
        (Effect.SCAN, SCANS),
        (Effect.INDEX_REBUILD, INDEX_REBUILDS),
        (Effect.REWRITE, REWRITES),
        (Effect.REFUSED, REFUSED),
    )
    for number, (create, target) in enumerate(cases, 1)
]


class Server:
    def __init__(self, session: Any) -> None:
        self.session = session
        self.messages: list[str] = []
        if hasattr(session, "add_notice_handler"):
            session.add_notice_handler(lambda notice: self.messages.append(notice.message_primary))

    def run(self, query: str, params: Any = None) -> list[tuple[Any, ...]]:
        with self.session.cursor() as cursor:
            cursor.execute(query, params)
            rows = list(cursor.fetchall()) if cursor.description else []
        # psycopg2 keeps them instead of calling a function.
        self.messages += getattr(self.session, "notices", [])
        return rows

    def files(self) -> dict[str, set[int]]:
        """The files of tables ("r") and of indexes ("i")."""
        files: dict[str, set[int]] = {"r": set(), "i": set()}
        query = """
            SELECT relkind::text, relfilenode::bigint FROM pg_class
            WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace
        """
        for kind, file in self.run(query):
            files[kind].add(file)
        return files

    def judge(self, target: str, using: bool) -> TypeChange:
        new_type, _, collation = target.partition(" COLLATE ")
        change = judge(self.run, '"x"', "c", new_type, collation or None, using)
        assert change is not None
        return change

    def alter(self, target: str, using: bool) -> Effect:
        """Return what the server does, by its own account (``debug1`` messages) and by the files that are new."""
        before = self.files()
        self.run("SET LOCAL client_min_messages = debug1")
        self.messages.clear()
        new_type = target.partition(" COLLATE ")[0]
        try:
            self.run(f"ALTER TABLE x ALTER COLUMN c TYPE {target} {f'USING c::{new_type}' if using else ''}")
        except databases.driver.Error:
            return Effect.REFUSED
        self.run("SET LOCAL client_min_messages = notice")
        after = self.files()
        if after["r"] - before["r"]:
            return Effect.REWRITE
        if after["i"] - before["i"]:
            return Effect.INDEX_REBUILD
        if any("verifying table" in message or "validating foreign key" in message for message in self.messages):
            return Effect.SCAN
        return Effect.CATALOGUE


@pytest.fixture(scope="module")
def database_name() -> Iterator[str]:
    with databases.fresh_database() as name:
        with closing(databases.open_session(name, autocommit=True)) as session, session.cursor() as cursor:
            cursor.execute("CREATE EXTENSION citext")
        yield name


@pytest.fixture
def server(database_name: str) -> Iterator[Server]:
    """A session in a transaction that is never committed."""
    with closing(databases.open_session(database_name)) as session:
        server = Server(session)
        server.run("SET LOCAL TimeZone = 'UTC'; SET LOCAL lc_messages = 'C'")
        yield server
        session.rollback()


@pytest.mark.parametrize("using", [False, True], ids=["", "using"])
@pytest.mark.parametrize("effect, create, target", CASES)
def test_server_does_what_was_said(effect: Effect, create: str, target: str, using: bool, server: Server) -> None:
    server.run(create)
    said = server.judge(target, using)
    done = server.alter(target, using)
    assert (said.effect, bool(said.because)) == (done, done is not Effect.CATALOGUE), said.because
    assert done in (effect, Effect.REFUSED)


@pytest.mark.parametrize("effect, create, target", CASES)
def test_second_change_to_the_same_type_does_nothing(effect: Effect, create: str, target: str, server: Server) -> None:
    server.run(create)
    if server.alter(target, using=True) is not Effect.REFUSED:
        assert server.judge(target, using=True).effect is Effect.NOTHING


def test_exclusion_constraint_is_taken_for_an_index_rebuild(server: Server) -> None:
    # The server compares the operators, which for these two types are the same; that is not repeated by us.
    server.run(f"{TEXT} ALTER TABLE x ADD EXCLUDE USING btree (c WITH =)")
    assert server.judge("text", using=False).effect is Effect.INDEX_REBUILD
    assert server.alter("text", using=False) is Effect.CATALOGUE


def test_generated_column_takes_no_using(server: Server) -> None:
    server.run("CREATE TABLE x (id integer, c varchar(10) GENERATED ALWAYS AS ('a') STORED)")
    assert server.judge("varchar(20)", using=False).effect is Effect.CATALOGUE
    assert server.judge("varchar(20)", using=True).effect is server.alter("varchar(20)", using=True) is Effect.REFUSED


def test_foreign_table_is_taken_for_a_rewrite(server: Server) -> None:
    server.run("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w")
    server.run("CREATE FOREIGN TABLE x (id integer, c varchar(10)) SERVER s")
    assert server.judge("varchar(20)", using=False).effect is Effect.REWRITE
