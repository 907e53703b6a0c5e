"""The judgement of type changes, against measurements on servers (tests/facts/type_changes.json)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from django_zero_downtime_migrations.type_changes import Effect, Gone, TypeChange
from django_zero_downtime_migrations.type_changes.casts import fits
from django_zero_downtime_migrations.type_changes.column import modifiers_of
from django_zero_downtime_migrations.type_changes.judge import judge
from tests import databases

pytestmark = pytest.mark.slow

FACTS = json.loads(Path(__file__).with_name("type_changes.json").read_text(encoding="utf-8"))
TYPES = FACTS["types"]
#: Types of which no btree index can be made.
UNSORTED = ("json", "xml")
#: They differ in what the catalogue has as documentation only.
SAME_ARRAY = ("text[]", "text[][]", "text[3]")

SETUP = """
    CREATE EXTENSION citext;
    CREATE EXTENSION hstore;
    CREATE EXTENSION pg_trgm;
    CREATE DOMAIN dom_int AS integer;
    CREATE DOMAIN dom_int_chk AS integer CHECK (value > -5);
    CREATE DOMAIN dom_v10 AS varchar(10);
    CREATE DOMAIN dom_v20 AS varchar(20);
    CREATE DOMAIN dom_text_chk AS text CHECK (value <> 'q');
    CREATE DOMAIN dom_i AS integer;
    CREATE DOMAIN dom_ic AS integer CHECK (value > -5);
    CREATE TYPE mood AS ENUM ('a', 'b');
    SET TimeZone = 'UTC';
"""


class Server:
    """A session in a database with every type that was measured."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def run(self, statement: str) -> None:
        with self.session.cursor() as cursor:
            cursor.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Undo what is made in the block."""
        self.run("BEGIN")
        try:
            yield
        finally:
            self.run("ROLLBACK")

    def fetch(self, query: str, params: Any) -> list[tuple[Any, ...]]:
        with self.session.cursor() as cursor:
            cursor.execute(query, params)
            return list(cursor.fetchall())

    def judge(
        self, new_type: str, table: str = "x", column: str = "c", using: bool = False, **options: Any
    ) -> TypeChange:
        new_type, _, collation = new_type.partition(" collate ")
        change = judge(self.fetch, table, column, new_type, collation.strip('"') or None, using, **options)
        assert change is not None
        return change

    def effect(self, *args: Any, **options: Any) -> str:
        return self.judge(*args, **options).effect.name

    @property
    def icu(self) -> bool:
        """Whether the server was built with it; the collations of two of the measured sources need it."""
        return bool(self.fetch("SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu'", ())[0][0])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with databases.fresh_database() as name, closing(databases.open_session(name, autocommit=True)) as session:
        server = Server(session)
        server.run(SETUP)
        if server.icu:
            server.run("CREATE COLLATION nd (provider = icu, locale = 'und', deterministic = false)")
            server.run("CREATE COLLATION icu_en (provider = icu, locale = 'en')")
        server.run(
            f"CREATE TABLE plain ({', '.join(f'c{number} {sql_type}' for number, sql_type in enumerate(TYPES))})"
        )
        yield server


@pytest.fixture
def rolled_back(server: Server) -> Iterator[Server]:
    """Roll back what a test makes."""
    with server.transaction():
        yield server


def measured(source: str, major: int) -> Iterator[tuple[str, str]]:
    for target, letter in zip(TYPES, FACTS["pairs"][source], strict=True):
        if letter == "b":
            letter = "x" if major < 18 else "r"
        yield target, letter


def is_same(source: str, target: str) -> bool:
    return source == target or (source in SAME_ARRAY and target in SAME_ARRAY)


@pytest.mark.parametrize("source", TYPES)
def test_effect_without_index_is_the_measured_one(source: str, server: Server, server_major: int) -> None:
    column = f"c{TYPES.index(source)}"
    expected, actual = {}, {}
    for target, letter in measured(source, server_major):
        free = "NOTHING" if is_same(source, target) else "CATALOGUE"
        expected[target] = {"C": free, "I": free, "R": "REWRITE", "r": "REWRITE", "x": "REFUSED"}[letter]
        actual[target] = server.effect(target, "plain", column, using=True)
    assert actual == expected


@pytest.mark.parametrize("source", TYPES)
def test_effect_without_using_is_the_measured_one(source: str, server: Server, server_major: int) -> None:
    column = f"c{TYPES.index(source)}"
    expected, actual = {}, {}
    for target, letter in measured(source, server_major):
        # What is impossible with USING was judged in the test above.
        if letter != "x":
            free = "NOTHING" if is_same(source, target) else "CATALOGUE"
            expected[target] = {"C": free, "I": free, "R": "REWRITE", "r": "REFUSED"}[letter]
            actual[target] = server.effect(target, "plain", column)
    assert actual == expected


@pytest.mark.parametrize("source", [name for name in TYPES if name not in UNSORTED])
def test_effect_with_index_is_the_measured_one(source: str, rolled_back: Server, server_major: int) -> None:
    rolled_back.run(f"CREATE TABLE x (id integer, c {source}); CREATE INDEX i ON x (c)")
    expected, actual = {}, {}
    for target, letter in measured(source, server_major):
        if letter != "x":
            free = "NOTHING" if is_same(source, target) else "CATALOGUE"
            works = {"C": free, "I": "INDEX_REBUILD", "R": "REWRITE", "r": "REWRITE"}[letter]
            expected[target] = "REFUSED" if target in UNSORTED else works
            actual[target] = rolled_back.effect(target, using=True)
    assert actual == expected


@pytest.mark.parametrize("source", FACTS["dependents"])
def test_effect_with_dependents_is_the_measured_one(source: str, server: Server, server_major: int) -> None:
    expected, actual = {}, {}
    for create, since, targets in FACTS["dependents"][source]:
        needs_icu = "collate nd" in source
        if since > server_major or (needs_icu and not server.icu):
            continue
        with server.transaction():
            server.run(f"CREATE TABLE x (id integer PRIMARY KEY, c {source}); {create}")
            for target, letter in targets.items():
                if target.rpartition(" collate ")[2] in ("nd", "icu_en") and not server.icu:
                    continue
                statement, using, _ = target.partition(" using ")
                case = f"{create or 'alone'}: {target}"
                actual[case] = server.effect(statement, using=bool(using))
                expected[case] = with_dependent(source, statement, create, letter)
    assert actual == expected


def with_dependent(source: str, target: str, create: str, letter: str) -> str:
    if is_same(source, target.removesuffix(' collate "default"')):
        # The server would do as measured, and it would all be for nothing.
        return "NOTHING"
    if letter == "E" and create.startswith("create index") and ("where c <>" in create or "((" in create):
        # Whether an expression has a meaning for the new type only the server can say; it is at least never free.
        return "INDEX_REBUILD"
    return {"C": "CATALOGUE", "S": "SCAN", "I": "INDEX_REBUILD", "R": "REWRITE", "E": "REFUSED"}[letter]


@pytest.mark.parametrize("source, target, side, valid, not_valid", FACTS["foreign_keys"])
@pytest.mark.parametrize("validated", [True, False], ids=["valid", "not valid"])
def test_effect_with_foreign_key_is_the_measured_one(
    source: str, target: str, side: str, valid: str, not_valid: str, validated: bool, rolled_back: Server
) -> None:
    rolled_back.run(f"CREATE TABLE xp (c {source} PRIMARY KEY); CREATE TABLE x (c {source})")
    rolled_back.run(
        f"ALTER TABLE x ADD CONSTRAINT x_fk FOREIGN KEY (c) REFERENCES xp {'' if validated else 'NOT VALID'}"
    )
    statement, using, _ = target.partition(" using ")
    names = {"C": "CATALOGUE", "S": "SCAN", "I": "INDEX_REBUILD", "R": "REWRITE", "E": "REFUSED"}
    actual = rolled_back.effect(statement, "x" if side == "child" else "xp", using=bool(using))
    assert actual == names[valid if validated else not_valid]


@pytest.mark.parametrize("zone", FACTS["time_zones"])
def test_effect_in_time_zone_is_the_measured_one(zone: str, rolled_back: Server) -> None:
    rolled_back.run(f"SET LOCAL TimeZone = '{zone}'")
    expected, actual = {}, {}
    for number, (pair, letter) in enumerate(FACTS["time_zones"][zone].items()):
        source, target = pair.split(" -> ")
        rolled_back.run(f"CREATE TABLE x{number} (c {source}); CREATE INDEX ON x{number} (c)")
        statement, using, _ = target.partition(" using ")
        same = "NOTHING" if source == target else "CATALOGUE"
        expected[pair] = {"C": same, "I": "INDEX_REBUILD", "R": "REWRITE"}[letter]
        actual[pair] = rolled_back.effect(statement, f"x{number}", using=bool(using))
    assert actual == expected


def test_no_such_table_or_column_gives_none(rolled_back: Server) -> None:
    rolled_back.run("CREATE TABLE x (c integer)")
    assert judge(rolled_back.fetch, '"nowhere"', "c", "bigint", None, True) is None
    assert judge(rolled_back.fetch, '"x"', "nothing", "bigint", None, True) is None


def test_unknown_type_is_taken_for_a_rewrite(rolled_back: Server) -> None:
    rolled_back.run("CREATE TABLE x (c text)")
    change = rolled_back.judge("vector(3)")
    assert (change.effect, change.because) == (Effect.REWRITE, ("the server does not know the type vector(3) yet",))


def test_unknown_collation_is_taken_for_a_rewrite(rolled_back: Server) -> None:
    rolled_back.run("CREATE TABLE x (c text)")
    assert rolled_back.effect("text collate nobody") == "REWRITE"


def test_search_path_decides_about_the_table(rolled_back: Server) -> None:
    rolled_back.run("CREATE SCHEMA other; CREATE TABLE other.x (c varchar(10)); CREATE TABLE x (c integer)")
    rolled_back.run("SET LOCAL search_path = other, public")
    assert rolled_back.effect("varchar(20)", '"x"') == "CATALOGUE"
    assert rolled_back.effect("varchar(20)", '"public"."x"') == "REWRITE"


def test_column_with_a_capital_and_a_quote(rolled_back: Server) -> None:
    rolled_back.run('CREATE TABLE "T""x" ("C""c" varchar(10))')
    assert rolled_back.effect("varchar(20)", '"T""x"', 'C"c') == "CATALOGUE"


@pytest.mark.parametrize("collation", ["C", '"C"', '"pg_catalog"."C"'])
def test_collation_may_be_plain_or_quoted(collation: str, rolled_back: Server) -> None:
    rolled_back.run('CREATE TABLE x (c text COLLATE "C")')
    change = judge(rolled_back.fetch, "x", "c", "text", collation, False)
    assert change is not None
    assert change.effect is Effect.NOTHING


def test_statement_without_collate_takes_the_collation_away(rolled_back: Server) -> None:
    rolled_back.run('CREATE TABLE x (c varchar(10) COLLATE "C"); CREATE INDEX i ON x (c)')
    change = rolled_back.judge("varchar(10)")
    assert (change.effect, change.because) == (Effect.INDEX_REBUILD, ('index "i" is sorted by the old collation',))


def test_everything_that_costs_is_named(rolled_back: Server) -> None:
    rolled_back.run(
        """
        CREATE TABLE x (id integer, c varchar(10) CONSTRAINT checked CHECK (c <> ''));
        CREATE INDEX plain_index ON x (c);
        CREATE INDEX partial ON x (id) WHERE c IS NOT NULL;
        CREATE INDEX expression ON x (upper(c));
        """
    )
    assert rolled_back.judge("varchar(20)") == TypeChange(
        Effect.INDEX_REBUILD,
        "character varying(10)",
        "varchar(20)",
        (
            'CHECK constraint "checked" is verified again',
            'index "expression" has an expression',
            'index "partial" has a predicate',
        ),
        keeps_values=True,
    )


def test_everything_that_refuses_is_named(rolled_back: Server) -> None:
    rolled_back.run(
        """
        CREATE TABLE x (id integer, c varchar(10) CHECK (c <> ''));
        CREATE VIEW seen AS SELECT c FROM x;
        CREATE MATERIALIZED VIEW kept AS SELECT c FROM x;
        CREATE POLICY mine ON x USING (c = current_user);
        """
    )
    change = rolled_back.judge("varchar(20)")
    assert change.effect is Effect.REFUSED
    assert change.because == (
        'materialized view "kept" uses the column',
        'policy "mine" on x uses the column',
        'view "seen" uses the column',
    )


def test_conversion_between_the_timestamps_names_the_time_zone(rolled_back: Server) -> None:
    rolled_back.run("CREATE TABLE x (c timestamp); SET LOCAL TimeZone = 'Europe/London'")
    assert rolled_back.judge("timestamp with time zone").because == (
        "every value is converted from timestamp without time zone to timestamp with time zone"
        " (TimeZone is Europe/London)",
    )


def test_what_is_dropped_before_does_not_count(rolled_back: Server) -> None:
    rolled_back.run(
        """
        CREATE TABLE x (id integer, c varchar(10) CONSTRAINT checked CHECK (c <> ''));
        CREATE INDEX partial ON x (id) WHERE c IS NOT NULL;
        """
    )
    assert rolled_back.effect("varchar(20)", gone=Gone(frozenset({"partial"}))) == "SCAN"
    assert rolled_back.effect("varchar(20)", gone=Gone(frozenset({"partial"}), frozenset({"checked"}))) == "CATALOGUE"


def test_view_with_the_name_of_a_dropped_index_still_counts(rolled_back: Server) -> None:
    rolled_back.run("CREATE TABLE x (c varchar(10)); CREATE VIEW seen AS SELECT c FROM x")
    assert rolled_back.effect("varchar(20)", gone=Gone(frozenset({"seen"}), frozenset({"seen"}))) == "REFUSED"


def test_two_questions_and_one_for_the_modifiers(rolled_back: Server) -> None:
    rolled_back.run("CREATE TABLE x (c varchar(10))")
    asked = []

    def fetch(query: str, params: Any) -> list[tuple[Any, ...]]:
        asked.append(query)
        return rolled_back.fetch(query, params)

    judge(fetch, "x", "c", "text", None, False)
    assert len(asked) == 2
    judge(fetch, "x", "c", "varchar(20)", None, False)
    assert len(asked) == 5


@pytest.mark.parametrize(
    "sql_type, modifiers",
    [
        ("bigint", []),
        ("varchar(20)", ["20"]),
        ("numeric(10, 2)", ["10", "2"]),
        ("numeric(10, 2)[]", ["10", "2"]),
        ("text[3]", []),
        ("timestamp(3) with time zone", ["3"]),
        ("double precision", []),
        ("geometry(POINT,4326)", ["POINT", "4326"]),
        ("char", ["1"]),
        ("bit", ["1"]),
        ("bit(8)", ["8"]),
        ("bit varying", []),
        ("interval", []),
        ("interval(3)", ["32767", "3"]),
        ("interval day to second", ["7176"]),
        ("interval day to second(3)", ["7176", "3"]),
        ("interval year", ["4"]),
    ],
)
def test_modifiers(sql_type: str, modifiers: list[str]) -> None:
    assert modifiers_of(sql_type) == modifiers


def test_length_cast_of_another_type_is_never_left_out() -> None:
    assert fits("bpchar_support", 14, 24) is False
    assert fits(None, 14, 24) is False
