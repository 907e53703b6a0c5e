"""Files with the sizes of tables and with the findings that an old project starts with."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction
from django.test import override_settings

from django_zero_downtime_migrations.catalog.records import Size
from django_zero_downtime_migrations.judging.counted.sizes import DatabaseSizes
from tests.commands.judged import Known, check
from tests.commands.project import UNSAFE, Project

#: The setting is not there.
default_size = pytest.mark.usefixtures("small_tables")
LONGER = '[migrations.AlterField("Book", "pages", models.BigIntegerField(null=True))]'


@default_size
def test_small_table_has_a_warning(used: Project) -> None:
    used.add(LONGER)

    result = used.check()

    assert (result.code, result.heads) == (0, ["warn ALTER_COLUMN_TYPE"])
    assert "    Not refused: the table is small.\n" in result.out


@pytest.mark.parametrize("size", [8192, "8kB"])
def test_small_is_a_setting(used: Project, size: object) -> None:
    used.run(f"INSERT INTO {used.app}_book (pages) SELECT n FROM generate_series(1, 5) n")
    used.add(LONGER)

    with override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE=size):
        assert used.check().heads == ["refuse ALTER_COLUMN_TYPE"]


@default_size
def test_what_breaks_running_code_is_refused_on_a_small_table(used: Project) -> None:
    used.add(UNSAFE)

    assert used.check().heads == ["refuse ALTER_TABLE_RENAME_COLUMN"]


def test_size_of_the_table_is_shown(used: Project) -> None:
    used.run(f"INSERT INTO {used.app}_book (pages) SELECT n FROM generate_series(1, 5000) n")
    used.run(f"ANALYZE {used.app}_book")
    (size,) = used.run(f"SELECT pg_total_relation_size('{used.app}_book')")[0]
    used.add(UNSAFE)

    finding = json.loads(used.check("--format", "json").out)["findings"][0]

    assert (finding["rows"], finding["bytes"]) == (5000, size)
    assert f'Table "{used.app}_book", about 5,000 rows, {round(size / 1024)} kB' in used.check().out


def test_size_of_a_partitioned_table_is_that_of_its_partitions(used: Project) -> None:
    used.run(f"DROP TABLE {used.app}_book")
    used.run(f"CREATE TABLE {used.app}_book (id bigint PRIMARY KEY, pages integer) PARTITION BY RANGE (id)")
    for number in (0, 1):
        used.run(
            f"CREATE TABLE part{number} PARTITION OF {used.app}_book FOR VALUES FROM ({number}000) TO ({number + 1}000)"
        )
    used.run(f"INSERT INTO {used.app}_book (id) SELECT n FROM generate_series(500, 1499) n")
    used.run(f"ANALYZE {used.app}_book")
    used.add(UNSAFE)

    finding = json.loads(used.check("--format", "json").out)["findings"][0]

    assert finding["rows"] == 1000
    assert (
        finding["bytes"] == used.run("SELECT pg_total_relation_size('part0') + pg_total_relation_size('part1')")[0][0]
    )


def test_nobody_has_counted_the_rows(used: Project) -> None:
    used.run(f"INSERT INTO {used.app}_book (pages) SELECT n FROM generate_series(1, 5) n")
    used.add(UNSAFE)

    assert json.loads(used.check("--format", "json").out)["findings"][0]["rows"] is None


@default_size
def test_sizes_from_production(used: Project) -> None:
    used.run(f"INSERT INTO {used.app}_book (pages) SELECT n FROM generate_series(1, 5000) n")
    used.run(f"ANALYZE {used.app}_book")
    used.add(LONGER)

    written = used.check("--write-stats", "sizes.json")
    judged = used.check("--without-database", "--stats-file", "sizes.json", "--format", "json")

    assert (written.code, written.out) == (0, "")
    assert written.err == "The sizes of 2 tables are in sizes.json.\n"
    finding = json.loads(judged.out)["findings"][0]
    assert (finding["code"], finding["severity"], finding["rows"]) == ("ALTER_COLUMN_TYPE", "warn", 5000)


@default_size
def test_large_table_of_the_file(used: Project) -> None:
    used.add(LONGER)
    tables = {f"{used.app}_book": {"rows": 9_000_000, "bytes": 4_000_000_000}}
    (used.folder / "sizes.json").write_text(json.dumps({"version": 1, "tables": tables}))

    result = used.check("--stats-file", "sizes.json")

    assert (result.code, result.heads) == (1, ["refuse ALTER_COLUMN_TYPE"])
    assert "about 9,000,000 rows, 3.7 GB; ACCESS EXCLUSIVE blocks reads and writes" in result.out


def test_fill_of_a_large_table_by_the_file(used: Project) -> None:
    used.add('[migrations.AlterField("Book", "pages", models.IntegerField(default=1))]')
    tables = {f"{used.app}_book": {"rows": 9_000_000, "bytes": 4_000_000_000}}
    (used.folder / "sizes.json").write_text(json.dumps({"version": 1, "tables": tables}))

    result = used.check("--without-database", "--stats-file", "sizes.json")

    assert result.heads == ["warn FILL_LARGE_TABLE", "warn SET_NOT_NULL"]


@default_size
def test_table_that_the_file_does_not_have(used: Project) -> None:
    used.add(LONGER)
    (used.folder / "sizes.json").write_text(json.dumps({"version": 1, "tables": {}}))

    assert used.check("--stats-file", "sizes.json").heads == ["refuse ALTER_COLUMN_TYPE"]


def test_size_of_a_table_that_has_another_name_today(books) -> None:
    from django.db import migrations, models

    renamed = migrations.RenameModel("book", "volume")
    changed = migrations.AlterField("volume", "pages", models.BigIntegerField(null=True))
    report = check(books, [renamed, changed], sizes=Known(shop_book=Size(7, 8192)))

    assert [(entry.finding.table, entry.rows) for entry in report.entries] == [('"shop_book"', 7), ('"shop_volume"', 7)]


# The baseline


def test_findings_of_the_baseline_do_not_count(used: Project) -> None:
    used.add(UNSAFE)

    written = used.check("--write-baseline", "known.json")
    result = used.check("--baseline", "known.json")

    assert (written.code, written.err) == (0, "The baseline known.json has 1 findings.\n")
    assert (result.code, result.heads) == (0, [])
    assert result.out == "1 migration judged: 0 refused, 0 warnings, 0 notes, 1 in the baseline.\n"


def test_new_finding_counts(used: Project) -> None:
    used.add(UNSAFE)
    used.check("--write-baseline", "known.json")
    used.add('[migrations.RenameField("Book", "sheets", "leaves")]')

    result = used.check("--baseline", "known.json")

    assert (result.code, result.heads) == (1, ["refuse ALTER_TABLE_RENAME_COLUMN", "note SAME_TABLE_TWICE"])


def test_baseline_survives_other_changes_of_the_file(used: Project) -> None:
    used.add(UNSAFE)
    used.check("--write-baseline", "known.json")
    used.file("0002_step").write_text("# A comment.\n\n" + used.file("0002_step").read_text())

    assert used.check("--baseline", "known.json").code == 0


def test_same_finding_twice_needs_to_be_there_twice(used: Project) -> None:
    once = 'migrations.RenameField("Book", "pages", "sheets")'
    used.add(f"[{once}]")
    used.check("--write-baseline", "known.json")
    used.names.pop()
    used.add(f'[{once}, SafetyAssured([migrations.RenameField("Book", "sheets", "pages")], reason="back"), {once}]')

    result = used.check("--baseline", "known.json")

    assert (result.code, result.heads.count("refuse ALTER_TABLE_RENAME_COLUMN")) == (1, 1)


def test_baseline_of_a_clean_project(used: Project) -> None:
    used.check("--write-baseline", "known.json")

    assert json.loads((used.folder / "known.json").read_text()) == {"version": 1, "findings": []}
    assert used.check("--baseline", "known.json").code == 0


@pytest.mark.parametrize(
    ("column", "verdict"), [("pages", "refuse ALTER_COLUMN_TYPE"), ("id", "warn ALTER_COLUMN_TYPE")]
)
def test_large_table_that_points_to_the_column_is_read_as_well(used: Project, column: str, verdict: str) -> None:
    table = f"{used.app}_book"
    used.run(f"ALTER TABLE {table} ADD UNIQUE (pages)")
    used.run(f"INSERT INTO {table} (id, pages) SELECT n, n FROM generate_series(1, 5) n")
    used.run(f"CREATE TABLE reader (book integer REFERENCES {table} ({column}))")
    used.run("INSERT INTO reader SELECT 1 FROM generate_series(1, 20000)")
    used.add(LONGER)

    with override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE="500kB"):
        assert used.check().heads == [verdict]


# What a size is


def test_size_of_a_table_with_others_that_inherit_from_it(used: Project) -> None:
    table = f"{used.app}_book"
    used.run(f"CREATE TABLE old () INHERITS ({table}); CREATE TABLE older () INHERITS (old)")
    used.run("INSERT INTO older (id, pages) SELECT n, n FROM generate_series(1, 3000) n")
    used.run(f"ANALYZE {table}, old, older")
    (size,) = used.run(f"SELECT pg_total_relation_size('{table}') + pg_total_relation_size('older')")[0]
    used.add(LONGER)

    with override_settings(ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE=size):
        result = used.check("--format", "json")

    finding = json.loads(result.out)["findings"][0]
    assert (finding["rows"], finding["bytes"], finding["severity"]) == (3000, size, "refuse")


@pytest.mark.parametrize("locked", ["table", "index", "table that is waited for"])
def test_size_of_a_table_that_is_locked_is_as_last_counted(used: Project, open_session, locked: str) -> None:
    table = f"{used.app}_book"
    used.run(f"INSERT INTO {table} (pages) SELECT n FROM generate_series(1, 2000) n")
    used.run(f"ANALYZE {table}")
    rows, index = used.run(f"SELECT pg_relation_size('{table}'), pg_relation_size('{table}_pkey')")[0]
    holder, waiter = open_session(), open_session(autocommit=True)
    modes = {"table": "ACCESS EXCLUSIVE", "table that is waited for": "ACCESS SHARE"}
    with holder.cursor() as cursor, waiter.cursor() as other, ThreadPoolExecutor() as threads:
        if locked == "index":
            cursor.execute(f"REINDEX INDEX {table}_pkey")
        else:
            cursor.execute(f"LOCK TABLE {table} IN {modes[locked]} MODE")
        if locked == "table that is waited for":
            waiting = threads.submit(other.execute, f"TRUNCATE {table}")
            while not used.run("SELECT pid FROM pg_locks WHERE NOT granted"):
                pass
        found = DatabaseSizes(used.connection).of(f'"{table}"')
        holder.rollback()
        if locked == "table that is waited for":
            waiting.result()

    assert found == Size(2000, rows + index, index)


def test_size_of_a_table_that_is_locked_and_that_nobody_has_counted(used: Project, other_session) -> None:
    with other_session.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {used.app}_book IN ACCESS EXCLUSIVE MODE")

        assert DatabaseSizes(used.connection).of(f'"{used.app}_book"') == Size(None, None)


def test_our_own_lock_does_not_hide_a_size(used: Project) -> None:
    table = f"{used.app}_book"
    with transaction.atomic(used.connection.alias):
        used.run(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        (size,) = used.run(f"SELECT pg_total_relation_size('{table}')")[0]

        assert DatabaseSizes(used.connection).of(f'"{table}"').bytes == size


def test_table_that_is_not_there_has_no_size(used: Project) -> None:
    assert DatabaseSizes(used.connection).of('"nowhere"') == Size(None, None)
