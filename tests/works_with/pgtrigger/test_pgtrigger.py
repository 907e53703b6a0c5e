"""django-pgtrigger puts its editor over ours. The server does not change the type of a column that a trigger names."""

from __future__ import annotations

import pytest

from tests.works_with.history import Compare, Run
from tests.works_with.project import Project

ROWS = """
INSERT INTO journal_entry (code, amount, note) VALUES ('P1', 5, 'x'), ('D1', 7, NULL);
INSERT INTO journal_plain (code) VALUES ('a'), ('b');
"""
TRIGGERS = (
    "SELECT tgname::text FROM pg_trigger WHERE tgrelid = 'journal_entry'::regclass AND NOT tgisinternal ORDER BY 1"
)


@pytest.fixture
def in_use(both: Run, ours: Project, stock: Project) -> None:
    """The tables have rows and triggers."""
    both("migrate", "journal", "0001")
    for project in (ours, stock):
        project.sql(ROWS)
    both("migrate", "journal", "0002")


def test_history_is_that_of_stock(in_use: None, ours: Project, both: Run, compare: Compare) -> None:
    both("migrate", "journal", "0003")
    compare()
    ours.allow_unsafe()
    both("migrate")
    compare()
    both("migrate", "journal", "zero")
    compare()


def test_history_on_an_empty_database_is_that_of_stock(both: Run, compare: Compare) -> None:
    both("migrate")
    compare()


def test_triggers_work_after_the_type_of_their_column_has_changed(in_use: None, ours: Project) -> None:
    ours.manage("migrate", "journal", "0003")
    ours.sql("UPDATE journal_entry SET amount = -1 WHERE code = 'D1'")
    assert ours.sql("SELECT amount FROM journal_entry WHERE code = 'D1'") == [(0,)]
    with pytest.raises(Exception, match="Cannot update or delete rows"):
        ours.sql("DELETE FROM journal_entry WHERE code = 'P1'")


def test_script_takes_the_trigger_away_and_back_in_the_transaction_of_the_change(in_use: None, ours: Project) -> None:
    script = ours.manage("sqlmigrate", "journal", "0003")
    [around] = [
        part for part in script.split("BEGIN;") if 'ALTER COLUMN "code" TYPE varchar(20)' in part and "TRIGGER" in part
    ]
    order = ["DROP TRIGGER", "ALTER COLUMN", "CREATE TRIGGER", "COMMIT;"]
    assert [around.index(text) for text in order] == sorted(around.index(text) for text in order)


def test_change_that_writes_the_table_anew_is_refused_with_its_triggers_in_place(in_use: None, ours: Project) -> None:
    ours.manage("migrate", "journal", "0003")
    before = ours.sql(TRIGGERS)
    assert "ALTER COLUMN TYPE is unsafe operation" in ours.fails("migrate", "journal", "0004")
    assert ours.sql(TRIGGERS) == before
    assert len(before) == 2


def test_type_change_with_a_trigger_of_somebody_else_is_refused(in_use: None, ours: Project) -> None:
    ours.sql(
        "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER other BEFORE UPDATE OF code ON journal_entry EXECUTE FUNCTION other()"
    )
    assert 'trigger "other" uses the column' in ours.fails("migrate", "journal", "0003")
