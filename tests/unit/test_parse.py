"""Raw SQL, read by PostgreSQL's own grammar."""

from __future__ import annotations

import pytest

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.ddl.raw_sql import meaning
from django_zero_downtime_migrations.locks import LockMode

T = '"t"'


def read(sql, params=None):
    return list(meaning(s.Raw(sql=sql, params=params)).statements)


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ("CREATE TABLE t (id integer)", s.CreateTable(sql="", table=T)),
        ("CREATE TABLE IF NOT EXISTS t (id integer)", s.CreateTable(sql="", table=T, if_missing=True)),
        ("CREATE TEMP TABLE t (id integer)", s.CreateTable(sql="", table=T, if_missing=True)),
        ("CREATE TABLE t AS SELECT 1", s.CreateTable(sql="", table=T)),
        ("DROP TABLE IF EXISTS t CASCADE", s.DropTable(sql="", table=T)),
        ("ALTER TABLE t RENAME TO u", s.RenameTable(sql="", table=T, new_table='"u"')),
        ("ALTER TABLE a.t RENAME TO u", s.RenameTable(sql="", table='"a"."t"', new_table='"a"."u"')),
        ("ALTER TABLE t RENAME a TO b", s.RenameColumn(sql="", table=T, column='"a"', new_column='"b"')),
        ("ALTER TABLE t DROP COLUMN IF EXISTS a CASCADE", s.DropColumn(sql="", table=T, column='"a"')),
        ("ALTER TABLE t ALTER a SET DEFAULT 3", s.SetDefault(sql="", table=T, column='"a"')),
        ("ALTER TABLE t ALTER a DROP DEFAULT", s.DropDefault(sql="", table=T, column='"a"')),
        ("ALTER TABLE t ALTER a SET NOT NULL", s.SetNotNull(sql="", table=T, column='"a"')),
        ("ALTER TABLE t ADD CONSTRAINT n NOT NULL a", s.SetNotNull(sql="", table=T, column='"a"')),
        ("ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID", s.AddConstraint(sql="", table=T, name='"n"')),
        ("ALTER TABLE t ALTER a DROP NOT NULL", s.DropNotNull(sql="", table=T, column='"a"')),
        ("ALTER TABLE t VALIDATE CONSTRAINT c", s.ValidateConstraint(sql="", table=T, name='"c"')),
        ("ALTER TABLE t DROP CONSTRAINT c", s.DropConstraint(sql="", table=T, name='"c"')),
        ("ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i", s.AddConstraint(sql="", table=T, name='"c"')),
        ("ALTER TABLE t ADD CONSTRAINT c UNIQUE (a, b)", s.AddUnique(sql="", table=T, name='"c"', columns='"a", "b"')),
        ("ALTER TABLE t ADD PRIMARY KEY (a)", s.AddPrimaryKey(sql="", table=T, name="", columns='"a"')),
        ("ALTER TABLE t ADD EXCLUDE USING gist (a WITH &&)", s.AddExclusion(sql="", table=T, name="")),
        (
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
            s.AddCheck(sql="", table=T, name='"c"', check="a > 0", not_valid=True),
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED",
            s.AddCheck(sql="", table=T, name='"c"', check="a > 0", not_valid=True),
        ),
        (
            'ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES "Q" (b)',
            s.AddForeignKey(sql="", table=T, name='"c"', column='"a"', to_table='"Q"', to_column='"b"'),
        ),
        (
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES q",
            s.AddForeignKey(sql="", table=T, name="", column='"a"', to_table='"q"', to_column=""),
        ),
        (
            'ALTER TABLE t ALTER a TYPE varchar(20) COLLATE "C"',
            s.SetType(sql="", table=T, column='"a"', type="varchar(20)", collation="C", using=False),
        ),
        (
            "ALTER TABLE t ALTER a TYPE bigint USING a::bigint",
            s.SetType(sql="", table=T, column='"a"', type="bigint", collation=None, using=True),
        ),
        (
            "ALTER TABLE t ALTER a TYPE int USING length(a)",
            s.SetType(sql="", table=T, column='"a"', type="integer", collation=None, using=True, plain=False),
        ),
        (
            "CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY t (a, b)",
            s.CreateIndex(sql="", table=T, name='"i"', columns=("a", "b"), unique=True, concurrently=True),
        ),
        ("CREATE INDEX ON t (lower(a))", s.CreateIndex(sql="", table=T, name="", columns=None)),
        ("ALTER TABLE t SET TABLESPACE fast", s.SetTablespace(sql="", table=T)),
        (
            "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
            s.Command(sql="", table=T, takes=LockMode.SHARE_UPDATE_EXCLUSIVE),
        ),
        ("ALTER TABLE t DETACH PARTITION p", s.Command(sql="", table=T, takes=LockMode.ACCESS_EXCLUSIVE)),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", s.Command(sql="", table=T, takes=LockMode.ACCESS_EXCLUSIVE)),
    ],
)
def test_statement(sql, statement):
    assert [each.named(sql="") for each in read(sql)] == [statement]


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT * FROM t",
        "INSERT INTO t VALUES (1)",
        "CREATE VIEW v AS SELECT 1",
        "DROP VIEW v",
        "ALTER VIEW v RENAME TO w",
        "ALTER INDEX i RENAME TO j",
        "ALTER INDEX i SET TABLESPACE fast",
        "ALTER SEQUENCE q RESTART",
        "ALTER TYPE e ADD VALUE 'x'",
        "VACUUM t",
        "REINDEX (CONCURRENTLY) TABLE t",
        "REINDEX (CONCURRENTLY on) TABLE t",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "REFRESH MATERIALIZED VIEW v WITH NO DATA",
        "CREATE EXTENSION hstore",
    ],
)
def test_what_does_nothing_to_a_table(sql):
    assert meaning(s.Raw(sql=sql)) == ((), "")


@pytest.mark.parametrize(
    "sql", ["VACUUM (FULL) t", "VACUUM (FULL true) t", "VACUUM (FULL 1) t", "REINDEX (CONCURRENTLY false) TABLE t"]
)
def test_option_in_parentheses(sql):
    assert len(read(sql)) == 1


@pytest.mark.parametrize(
    ("definition", "pieces"),
    [
        ("integer", ["integer"]),
        ("timestamptz DEFAULT now()", ["timestamp with time zone", "DEFAULT (now())"]),
        ("varchar(10) COLLATE \"C\" DEFAULT 'x' NOT NULL", ["varchar(10)", 'COLLATE "C"', "DEFAULT 'x'", "NOT NULL"]),
        ("s.kind[]", ["s.kind[]"]),
        ("int GENERATED ALWAYS AS (a * 2) STORED", ["integer", "GENERATED ALWAYS AS (a * 2) STORED"]),
        ("int GENERATED BY DEFAULT AS IDENTITY", ["integer", "GENERATED BY DEFAULT AS IDENTITY"]),
        ("int REFERENCES p (id)", ["integer"]),
    ],
)
def test_definition_of_a_column(definition, pieces):
    (added,) = read(f'ALTER TABLE t ADD COLUMN "New" {definition}')
    assert (added.column, [piece for piece in added.definition if piece != " "]) == ('"New"', pieces)


def test_constraint_in_the_definition_of_a_column():
    kinds = [type(each) for each in read("ALTER TABLE t ADD a integer UNIQUE CHECK (a > 0)")]
    assert kinds == [s.AddColumn, s.AddUnique, s.AddCheck]


def test_each_action_and_each_statement():
    found = read(
        "ALTER TABLE t ALTER a SET NOT NULL, DROP b; DROP TABLE u, v; DELETE FROM w WHERE größe = 'ß'; SELECT 1"
    )
    assert [(type(each), each.table) for each in found] == [
        (s.SetNotNull, T),
        (s.DropColumn, T),
        (s.DropTable, '"u"'),
        (s.DropTable, '"v"'),
        (s.Command, '"w"'),
    ]
    assert found[-1].sql == "DELETE FROM w WHERE größe = 'ß'"


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("UPDATE t SET a = %s, b = %(name)s", "UPDATE t SET a = '?', b = '?'"),
        ("UPDATE t SET a = '100%%'", "UPDATE t SET a = '100%'"),
    ],
)
def test_placeholders(sql, shown):
    (found,) = read(sql, params=[1])
    assert (found.sql, found.does != "") == (shown, True)


def test_percent_sign_without_parameters():
    (found,) = read("UPDATE t SET a = b %% c WHERE a LIKE '%s'")
    assert found.sql == "UPDATE t SET a = b %% c WHERE a LIKE '%s'"


def test_name_with_a_quote():
    (found,) = read('DROP TABLE "a""b"."c.d"')
    assert found.table == '"a""b"."c.d"'
