"""The format of journals: what a version has written, later ones read, whatever their classes are called."""

from __future__ import annotations

import json

import pytest

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.errors import CannotMigrate
from django_zero_downtime_migrations.execution.journal.stored_steps import FORMAT, STATEMENTS, read_steps, stored_step
from django_zero_downtime_migrations.locks import Lock, LockMode
from django_zero_downtime_migrations.planning.kinds import (
    Batches,
    Concurrent,
    ConcurrentBuild,
    ConcurrentDrop,
    Protected,
    Step,
    UsersOwn,
)
from django_zero_downtime_migrations.planning.queries import Fill, Query, Rows

DROP = ConcurrentDrop(
    queries=(Query('DROP INDEX CONCURRENTLY IF EXISTS "i"'),),
    statement=s.DropIndex(sql='DROP INDEX "i"', table='"t"', name='"i"', concurrently=True),
    locks=(Lock('"t"', LockMode.SHARE_UPDATE_EXCLUSIVE),),
)
STEPS: tuple[Step, ...] = (
    ConcurrentBuild(
        queries=(Query('CREATE INDEX CONCURRENTLY "i" ON "t" ("a")'),),
        statement=s.CreateIndex(sql='CREATE INDEX "i" ON "t" ("a")', table='"t"', name='"i"', columns=('"a"',)),
        locks=(Lock('"t"', LockMode.SHARE_UPDATE_EXCLUSIVE),),
        undo=(DROP,),
        leftover=(DROP,),
        index='"i"',
    ),
    Batches(
        queries=(),
        statement=s.FillNulls(sql="", table='"t"', column='"a"', default="1"),
        work=Fill('"t"', '"a"', "1", None),
    ),
)
_DROP = (
    '{"sql": ["DROP INDEX CONCURRENTLY IF EXISTS \\"i\\""], "kind": "long", "statement": ["drop index", {"sql": '
    '"DROP INDEX \\"i\\"", "table": "\\"t\\"", "name": "\\"i\\"", "concurrently": true}], "locks": [["\\"t\\"", '
    '"ShareUpdateExclusiveLock", false]], "undo": [], "leftover": [], "fill": null, "building": ""}'
)
#: Frozen: what format 1 has written. In 2 only the log is another: tests/unit/test_whole_operations.py.
FROZEN_STEPS = (
    '[{"sql": ["CREATE INDEX CONCURRENTLY \\"i\\" ON \\"t\\" (\\"a\\")"], "kind": "long", "statement": '
    '["create index", {"sql": "CREATE INDEX \\"i\\" ON \\"t\\" (\\"a\\")", "table": "\\"t\\"", "name": "\\"i\\"", '
    '"columns": ["\\"a\\""]}], "locks": [["\\"t\\"", "ShareUpdateExclusiveLock", false]], "undo": ['
    + _DROP
    + '], "leftover": ['
    + _DROP
    + '], "fill": null, "building": "\\"i\\""}, {"sql": [], "kind": "data", '
    '"statement": ["fill nulls", {"sql": "", "table": "\\"t\\"", "column": "\\"a\\"", "default": "1"}], "locks": [], '
    '"undo": [], "leftover": [], "fill": ["\\"t\\"", "\\"a\\"", "1"], "building": ""}]'
)
FROZEN = {1: FROZEN_STEPS, 2: FROZEN_STEPS}


RENAME = s.RenameIndex(sql='ALTER INDEX "i" RENAME TO "j"', table='"t"', name='"i"', new_name='"j"')
OF_EACH_KIND: tuple[Step, ...] = (
    *STEPS,
    DROP,
    *(
        kind(queries=(Query(RENAME.sql),), statement=RENAME)
        for kind in Step.stored
        if kind not in (Batches, ConcurrentBuild, ConcurrentDrop, UsersOwn)
    ),
    UsersOwn(queries=(Query("VACUUM"),), statement=s.Raw(sql="VACUUM", concurrently=True)),
    Batches(
        queries=(Query('UPDATE "t" SET "a" = 1 WHERE ("a" > 1)'),),
        statement=s.UpdateRows(sql="", table='"t"', assignment='"a" = 1', where='("a" > 1)'),
        work=Rows('"t"', Query('"a" = 1'), Query('("a" > 1)')),
    ),
)


def composed(query: Query) -> str:
    return query.sql


def test_every_format_has_a_frozen_row() -> None:
    assert set(FROZEN) == set(range(1, FORMAT + 1))


@pytest.mark.parametrize("text", FROZEN.values(), ids=[f"format {number}" for number in FROZEN])
def test_a_frozen_row_is_read_as_it_was_meant(text: str) -> None:
    assert read_steps(text, "app.0002_change") == STEPS


def test_the_newest_format_is_what_is_written() -> None:
    written = json.dumps([stored_step(step, composed) for step in STEPS])
    assert json.loads(written) == json.loads(FROZEN[FORMAT])


def kinds(kind: type[s.Statement]) -> set[type[s.Statement]]:
    return {kind}.union(*map(kinds, kind.__subclasses__()))


def test_every_statement_has_a_word_of_its_own() -> None:
    """The only exception is the statement that stands for several: it is a step of these when it is stored."""
    assert kinds(s.Statement) - set(STATEMENTS.values()) == {s.Together}
    assert len(set(STATEMENTS.values())) == len(STATEMENTS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        '[{"sql": []}]',
        FROZEN[1].replace("create index", "grow index"),
        FROZEN[1].replace('"data"', '"rest"'),
    ],
)
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(CannotMigrate, match=r"The journal of app\.0002_change cannot be read"):
        read_steps(text, "app.0002_change")


def steps_of(kind: type[Step]) -> set[type[Step]]:
    return {kind}.union(*map(steps_of, kind.__subclasses__()))


def test_every_kind_of_step_is_stored_and_read_as_itself() -> None:
    made = {type(step) for step in OF_EACH_KIND}
    assert made == set(Step.stored) == steps_of(Step) - {Step, Protected, Concurrent}
    written = json.dumps([stored_step(step, composed) for step in OF_EACH_KIND])
    assert read_steps(written, "app.0002_change") == OF_EACH_KIND
    assert not [kind.__name__ for kind in steps_of(Step) if kind.__name__ in written]
