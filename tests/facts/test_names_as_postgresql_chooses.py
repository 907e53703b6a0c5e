"""The names that we foresee are those that the server chooses, cuts and reads."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from django.db import DatabaseError

from django_zero_downtime_migrations import naming

NAMES = [
    ("shop_order", "email"),
    ("shop_Order", "E-Mail"),
    ('quo"te', 'per%cent"'),
    ("dotted.name", " "),
    ("d" * 63, "b"),
    ("e", "b" * 63),
    ("f" * 63, "b" * 63),
    ("g" * 70, "b" * 70),
    ("t" * 31, "c" * 32),
    ("t" * 32, "c" * 31),
    ("é" * 31, "ü" * 31),
    ("x" + "é" * 31, "日本語" * 7),
    ("日本語" * 7, "z" * 20 + "😀" * 8),
    ("😀" * 15, "y" + "😀" * 15),
    ("ö" * 40, "😀" * 20),
]


def random_names(number, alphabet="aZ_é日😀"):
    source = random.Random(20)
    return [tuple("".join(source.choices(alphabet, k=source.randint(1, 70))) for _ in "tc") for _ in range(number)]


@dataclass(frozen=True)
class Unnamed:
    """A way to have the server choose a name."""

    clause: str
    contype: str
    label: str
    has_index: bool
    names_column: bool = True


KINDS = {
    "unique": Unnamed("UNIQUE ({})", "u", naming.UNIQUE, True),
    "primary key": Unnamed("PRIMARY KEY ({})", "p", naming.PRIMARY_KEY, True, names_column=False),
    "exclusion": Unnamed("EXCLUDE ({} WITH =)", "x", "excl", True),
    "check": Unnamed("CHECK ({} > 0)", "c", naming.CHECK, False),
    "foreign key": Unnamed("FOREIGN KEY ({}) REFERENCES target", "f", naming.FOREIGN_KEY, False),
}

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def quote(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def cursor(stock_database):
    with stock_database.cursor() as cursor:
        cursor.execute("CREATE TABLE target (id integer CONSTRAINT named_by_hand PRIMARY KEY)")
        yield cursor


def column(cursor, sql, *params):
    cursor.execute(sql, params or None)
    return [row[0] for row in cursor.fetchall()]


def taken(cursor, has_index):
    """The names that the server keeps away from."""
    names = set(column(cursor, "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"))
    if has_index:
        names.update(column(cursor, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"))
    return names


def foreseen(cursor, kind, table, column_name):
    name2 = naming.UTF8.truncate(column_name) if kind.names_column else None
    return naming.UTF8.choose(
        naming.UTF8.truncate(table), name2, kind.label, taken(cursor, kind.has_index).__contains__
    )


def chosen(cursor, table, contype):
    sql = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = %s"
    return column(cursor, sql, quote(table), contype)


def create(cursor, table, column_name, clause):
    """Create a table with a constraint that has no name."""
    column_sql = quote(column_name)
    clause = clause.format(column_sql)
    cursor.execute(f"CREATE TABLE {quote(table)} ({column_sql} integer, {clause})")


@every_kind
@pytest.mark.parametrize("names", [NAMES, random_names(40)], ids=["written", "random"])
def test_constraint_in_create_table(cursor, kind, names):
    expected, actual = {}, {}
    for table, column_name in names:
        expected[table] = [foreseen(cursor, kind, table, column_name)]
        create(cursor, table, column_name, kind.clause)
        actual[table] = chosen(cursor, table, kind.contype)
    assert actual == expected


@every_kind
def test_constraint_added_to_a_table(cursor, kind):
    expected, actual = {}, {}
    for table, column_name in NAMES:
        cursor.execute(f"CREATE TABLE {quote(table)} ({quote(column_name)} integer)")
        expected[table] = [foreseen(cursor, kind, table, column_name)]
        cursor.execute(f"ALTER TABLE {quote(table)} ADD {kind.clause.format(quote(column_name))}")
        actual[table] = chosen(cursor, table, kind.contype)
    assert actual == expected


@every_kind
@pytest.mark.parametrize("filling", ["a", "é", "😀"])
def test_names_that_collide_when_cut_are_numbered(cursor, kind, filling):
    # Twelve, so that the number has two digits in the end and costs the names a byte more.
    tables = [filling * 14 + "_" * 6 + chr(ord("a") + number) for number in range(12)]
    column_name = "c" * 63
    expected, actual = {}, {}
    for table in tables:
        expected[table] = [foreseen(cursor, kind, table, column_name)]
        create(cursor, table, column_name, kind.clause)
        actual[table] = chosen(cursor, table, kind.contype)
    assert actual == expected


@pytest.mark.parametrize("kind", [KINDS["unique"], KINDS["exclusion"]], ids=["unique", "exclusion"])
@pytest.mark.parametrize("obstacle", ["table", "index", "check", "foreign key"])
def test_constraint_with_an_index_avoids_relations_and_constraints(cursor, kind, obstacle):
    name = f"t_c_{kind.label}"
    cursor.execute("CREATE TABLE other (x integer)")
    cursor.execute(
        {
            "table": f"CREATE TABLE {name} ()",
            "index": f"CREATE INDEX {name} ON other (x)",
            "check": f"ALTER TABLE other ADD CONSTRAINT {name} CHECK (x > 0)",
            "foreign key": f"ALTER TABLE other ADD CONSTRAINT {name} FOREIGN KEY (x) REFERENCES target",
        }[obstacle]
    )
    expected = foreseen(cursor, kind, "t", "c")
    create(cursor, "t", "c", kind.clause)
    assert chosen(cursor, "t", kind.contype) == [expected] == [f"{name}1"]


@pytest.mark.parametrize("kind", [KINDS["check"], KINDS["foreign key"]], ids=["check", "foreign key"])
def test_constraint_without_an_index_avoids_constraints_only(cursor, kind):
    name = f"t_c_{kind.label}"
    cursor.execute(f"CREATE TABLE {name} ()")
    expected = foreseen(cursor, kind, "t", "c")
    create(cursor, "t", "c", kind.clause)
    assert chosen(cursor, "t", kind.contype) == [expected] == [name]


def test_check_inline_in_add_column(cursor):
    expected, actual = {}, {}
    for table, column_name in NAMES:
        cursor.execute(f"CREATE TABLE {quote(table)} ()")
        expected[table] = [foreseen(cursor, KINDS["check"], table, column_name)]
        cursor.execute(
            f"ALTER TABLE {quote(table)} ADD COLUMN {quote(column_name)} integer CHECK ({quote(column_name)} > 0)"
        )
        actual[table] = chosen(cursor, table, "c")
    assert actual == expected


def test_unique_inline_in_add_column(cursor):
    expected, actual = {}, {}
    for table, column_name in NAMES:
        cursor.execute(f"CREATE TABLE {quote(table)} ()")
        expected[table] = [foreseen(cursor, KINDS["unique"], table, column_name)]
        cursor.execute(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(column_name)} integer UNIQUE")
        actual[table] = chosen(cursor, table, "u")
    assert actual == expected


def test_not_null(cursor, server_major):
    """Servers before 18 keep NOT NULL without a name."""
    expected, actual = {}, {}
    for table, column_name in NAMES + [(f"{'n' * 60}{number}", "m" * 60) for number in range(12)]:
        not_null = Unnamed("{} NOT NULL", "n", naming.NOT_NULL, False)
        name = foreseen(cursor, not_null, table, column_name)
        expected[table] = [name] if server_major >= 18 else []
        cursor.execute(f"CREATE TABLE {quote(table)} ({quote(column_name)} integer NOT NULL)")
        actual[table] = chosen(cursor, table, "n")
    assert actual == expected


def test_two_checks_of_one_statement_are_numbered(cursor):
    create(cursor, "t", "c", "CHECK ({0} > 0), CHECK ({0} < 9)")
    first = naming.UTF8.choose("t", "c", naming.CHECK, set().__contains__)
    second = naming.UTF8.choose("t", "c", naming.CHECK, {first}.__contains__)
    assert sorted(chosen(cursor, "t", "c")) == [first, second]


@pytest.mark.parametrize("size", [1, 20, 30, 31, 32, 40, 62, 63])
def test_unique_of_several_columns(cursor, size):
    columns = [letter * size for letter in "abc"]
    cursor.execute(
        f"CREATE TABLE t ({', '.join(f'{name} integer' for name in columns)}, UNIQUE ({', '.join(columns)}))"
    )
    expected = naming.UTF8.make_object_name("t", naming.UTF8.columns_part(columns), naming.UNIQUE)
    assert chosen(cursor, "t", "u") == [expected]


@pytest.mark.parametrize("size", [1, 30, 31, 32, 63])
def test_index_of_several_columns(cursor, size):
    columns = [letter * size for letter in "abc"]
    cursor.execute(f"CREATE TABLE t ({', '.join(f'{name} integer' for name in columns)})")
    cursor.execute(f"CREATE INDEX ON t ({', '.join(columns)})")
    expected = naming.UTF8.make_object_name("t", naming.UTF8.columns_part(columns), naming.INDEX)
    sql = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 't'::regclass"
    assert column(cursor, sql) == [expected]


def test_sequence_of_an_identity_column(cursor):
    sequence = Unnamed("", "", "seq", True)
    sequences = "SELECT relname FROM pg_class WHERE relkind = 'S'"
    expected, actual = {}, {}
    for table, column_name in NAMES:
        expected[table] = foreseen(cursor, sequence, table, column_name)
        before = column(cursor, sequences)
        cursor.execute(f"CREATE TABLE {quote(table)} ({quote(column_name)} integer GENERATED BY DEFAULT AS IDENTITY)")
        (actual[table],) = set(column(cursor, sequences)).difference(before)
    assert actual == expected


def test_too_long_name_of_a_table(cursor):
    for name in [name for names in [*NAMES, *random_names(40)] for name in names]:
        cursor.execute(f"CREATE TABLE {quote(name)} ()")
        assert column(cursor, "SELECT relname FROM pg_class WHERE relname = %s", naming.UTF8.truncate(name))
        cursor.execute(f"DROP TABLE {quote(name)}")


IDENTIFIERS = [
    *('"a"', '"a""b"', '""""', '"A b"', '"a.b"', '"s"."t"', "s.t", "S.T", '"S".T', " s . t ", '"s" ."t"', "\ta\n"),
    *("a_1$", "ÉA", "É.Ü", "日本語", "😀", "_", "d.s.t"),
    *("", " ", '"', '""', '"a', 'a"', '"a"b"', '"a" "b"', "a.", ".a", "a..b", "1a", "a b", "a-b", "$a", '"s".""'),
]


def parts_on_server(cursor, sql):
    """Ask the server; None if it refuses the text."""
    try:
        return tuple(column(cursor, "SELECT parse_ident(%s)", sql)[0])
    except DatabaseError:
        return None


def parts_here(sql):
    try:
        return naming.split_identifier(sql)
    except ValueError:
        return None


def test_identifiers_are_split_as_the_server_does(cursor):
    on_server = {sql: parts_on_server(cursor, sql) for sql in IDENTIFIERS}
    assert {sql: parts_here(sql) for sql in IDENTIFIERS} == on_server
