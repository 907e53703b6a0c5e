"""The catalogue's record of a call at each point of it, and what the next run reads there."""

from __future__ import annotations

from typing import Any

import pytest

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.execution.journal.journal import Journal
from django_zero_downtime_migrations.execution.journal.store import Done, Entry, Identity, Store
from django_zero_downtime_migrations.planning.kinds import Step
from django_zero_downtime_migrations.planning.steps import builds, short

WHO = Identity("app", "0002_change", False, ("a", "b"))
TABLE = s.SetComment(sql="COMMENT ON TABLE t IS 'x'", table="t")
FIRST, SECOND = short(TABLE, "SELECT 1"), short(TABLE, "SELECT 2")
BUILD = builds(TABLE, "CREATE INDEX CONCURRENTLY i ON t (n)", "i")
KEY = "0.0 add_index app.Book i"


class Stopped(Exception):
    pass


def journal(database: Any, entry: Entry | None = None) -> Journal:
    return Journal(Store(database), lambda: WHO, entry)


def left(database: Any) -> Entry:
    [entry] = Store(database).entries()
    return entry


def stopped_after(database: Any, steps: list[Step], sent: int) -> None:
    """Stop a run at this step of a call, each step before it with its mark."""
    with pytest.raises(Stopped), journal(database).call(KEY, steps) as call:
        for _ in range(sent):
            mark = call.mark()
            call.journal.store.run(mark.sql)
            call.sent(mark)
        raise Stopped


def test_a_call_is_complete_with_the_mark_of_its_last_step(database: Any) -> None:
    stopped_after(database, [FIRST, SECOND], sent=2)
    entry = left(database)
    assert (entry.log, entry.call) == (((Done(KEY, ("SELECT 1", "SELECT 2")),),), "")


def test_a_call_that_was_stopped_is_gone_on_with_once(database: Any) -> None:
    stopped_after(database, [FIRST, SECOND], sent=1)
    entry = left(database)
    assert (entry.call, entry.done, entry.complete) == (KEY, 1, ())
    following = journal(database, entry)
    with following.interrupted_call() as call:
        assert (call.steps, call.done) == ((FIRST, SECOND), 1)
        call.sent()
    assert (following.left, following.under_way, following.complete) == (None, None, [KEY])
    following.catch_up()
    assert left(database).complete == (KEY,)


def test_what_carries_no_mark_is_said_with_the_next_commit(database: Any) -> None:
    made = journal(database)
    with made.call(KEY, [FIRST, SECOND]) as call:
        call.sent()
        assert made.is_behind
        made.catch_up()
        assert (left(database).call, left(database).done, made.is_behind) == (KEY, 1, False)
        call.sent()
    made.catch_up()
    assert (left(database).call, left(database).complete) == ("", (KEY,))


def test_a_mark_that_was_not_sent_changes_nothing(database: Any) -> None:
    made = journal(database)
    with made.call(KEY, [FIRST, SECOND]) as call:
        call.mark()
        assert (call.done, made.exists) == (0, False)
        mark = call.mark()
        made.store.run(mark.sql)
        call.sent(mark)
        assert made.exists


@pytest.mark.parametrize("steps", [[BUILD], [BUILD, FIRST]], ids=["alone", "before another"])
def test_only_a_build_by_itself_needs_no_journal(database: Any, steps: list[Step]) -> None:
    made = journal(database)
    with made.call(KEY, steps) as call:
        call.write_plan()
        assert made.exists == (len(steps) > 1)
        call.write_plan()
        for _ in steps:
            call.sent()


@pytest.mark.parametrize("stays", [0, 1])
def test_what_is_taken_back_is_said_before_it(database: Any, stays: int) -> None:
    made = journal(database)
    made.mark("0.0 RunPython")
    with pytest.raises(Stopped), made.call(KEY, [FIRST, SECOND]) as call:
        call.write_plan()
        call.sent()
        call.taken_back(stays, whole=False)
        assert call.is_under_way == bool(stays)
        raise Stopped
    entry = left(database)
    assert (entry.call, entry.done, entry.complete) == (KEY * stays, stays, ("0.0 RunPython",))


def test_with_everything_taken_back_the_journal_goes(database: Any) -> None:
    made = journal(database)
    made.mark("0.0 execute")
    with pytest.raises(Stopped), made.call(KEY, [FIRST, SECOND]) as call:
        call.write_plan()
        call.taken_back(0, whole=True)
        raise Stopped
    assert not made.exists
    assert Store(database).entries() == []


#: The frozen text of format 1, by attribute; its steps are in tests/unit/test_stored_steps.py.
FROZEN = {
    "header": '{"format": 1, "app": "app", "name": "0002_change", "backwards": false, "code": ["a", "b"]}',
    "progress": '{"call":"0.0 add_index app.Book i","done":1,"since":"2026-01-31 12:00:00+00:00"}',
    "steps": "[]",
    "log0": '[["0.0 RunPython",[]],["0.0 execute",["SELECT 1"]]]',
    "log1": '[["1.0 execute",[]]]',
}


def test_a_frozen_journal_is_read_as_it_was_meant(database: Any) -> None:
    store = Store(database)
    name = store.path(WHO.type_name)
    attributes = [attribute for attribute in FROZEN if attribute != "header"]
    store.run(f"CREATE TYPE {name} AS ({', '.join(f'{attribute} text' for attribute in attributes)})")
    store.run(f"COMMENT ON TYPE {name} IS {store.kept.literal(FROZEN['header'])}")
    for attribute in attributes:
        store.run(f"COMMENT ON COLUMN {name}.{attribute} IS {store.kept.literal(FROZEN[attribute])}")
    log = ((Done("0.0 RunPython"), Done("0.0 execute", ("SELECT 1",))), (Done("1.0 execute"),))
    assert left(database) == Entry(WHO, log, KEY, "[]", 1, "2026-01-31 12:00:00+00:00")
