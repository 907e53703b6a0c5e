"""Steps as JSON. The words are part of the format: they stay when a class is renamed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from ...ddl import statements as s
from ...ddl.triggers import DropTrigger, MakeTrigger
from ...errors import CannotMigrate
from ...locks import Lock, LockMode
from ...planning.queries import Fill, Query, Rows
from ...planning.steps import (
    AsStock,
    Batches,
    Blocking,
    ConcurrentBuild,
    ConcurrentDrop,
    InCallers,
    Long,
    Short,
    Step,
    UsersOwn,
)

#: The format; it changes with the meaning of stored data. ``tests/unit/test_stored_steps.py`` has a frozen row of each.
FORMAT: Final = 2
#: The formats that are read. Format 1 had one entry of its log for each call, and no entry for whole operations.
READS: Final = (1, FORMAT)

STATEMENTS: Final[dict[str, type[s.Statement]]] = {
    "create table": s.CreateTable,
    "drop table": s.DropTable,
    "rename table": s.RenameTable,
    "set tablespace": s.SetTablespace,
    "add column": s.AddColumn,
    "drop column": s.DropColumn,
    "rename column": s.RenameColumn,
    "alter column": s.AlterColumn,
    "set type": s.SetType,
    "set default": s.SetDefault,
    "drop default": s.DropDefault,
    "set not null": s.SetNotNull,
    "drop not null": s.DropNotNull,
    "alter columns": s.AlterColumns,
    "fill nulls": s.FillNulls,
    "update rows": s.UpdateRows,
    "add identity": s.AddIdentity,
    "drop identity": s.DropIdentity,
    "add constraint": s.AddConstraint,
    "add foreign key": s.AddForeignKey,
    "add unique": s.AddUnique,
    "add primary key": s.AddPrimaryKey,
    "add check": s.AddCheck,
    "add exclusion": s.AddExclusion,
    "validate constraint": s.ValidateConstraint,
    "rename constraint": s.RenameConstraint,
    "drop constraint": s.DropConstraint,
    "drop foreign key": s.DropForeignKey,
    "create index": s.CreateIndex,
    "drop index": s.DropIndex,
    "rename index": s.RenameIndex,
    "set comment": s.SetComment,
    "alter sequence": s.AlterSequence,
    "drop sequence": s.DropSequence,
    "show both": s.ShowBoth,
    "show no more": s.ShowNoMore,
    "make trigger": MakeTrigger,
    "drop trigger": DropTrigger,
    "owe": s.Owe,
    "owe no more": s.OweNoMore,
    "begin to pay": s.BeginToPay,
    "raw": s.Raw,
    "command": s.Command,
    "statement": s.Statement,
}
_WORDS: Final = {kind: word for word, kind in STATEMENTS.items()}
STEPS: Final[dict[type[Step], str]] = {
    Short: "short",
    Blocking: "unsafe",
    Long: "long",
    ConcurrentBuild: "long",
    ConcurrentDrop: "long",
    Batches: "data",
    UsersOwn: "data",
    AsStock: "stock",
    InCallers: "callers",
}
#: Kinds that their word identifies; index builds, index drops and batches need more than the word.
_BY_WORD: Final[dict[str, type[Step]]] = {
    STEPS[kind]: kind for kind in (Short, Blocking, Long, UsersOwn, AsStock, InCallers)
}
Composed = Callable[[Query], str]


def stored_step(step: Step, composed: Composed) -> dict[str, Any]:
    """Return a step as JSON.

    :param composed: returns a query's text with its parameters in it.
    """
    work = step.work if isinstance(step, Batches) else None
    return {
        "sql": [composed(query) for query in step.queries],
        "kind": STEPS[type(step)],
        "statement": [_WORDS[type(step.statement)], _plain(step.statement)],
        "locks": [[lock.table, lock.mode.value, lock.only] for lock in step.locks],
        "undo": [stored_step(x, composed) for x in step.undo],
        "leftover": [stored_step(x, composed) for x in step.leftover],
        "fill": [work.table, work.column, composed(Query(work.default, work.params))]
        if isinstance(work, Fill)
        else None,
        **(_stored_rows(work, composed) if isinstance(work, Rows) else {}),
        "building": step.index if isinstance(step, ConcurrentBuild) else "",
    }


def _stored_rows(work: Rows, composed: Composed) -> dict[str, Any]:
    stored = [work.table, composed(work.assignment), composed(work.where)]
    return {"rows": stored, **({"spares triggers": True} if work.spares_triggers else {})}


def _plain(statement: s.Statement) -> dict[str, Any]:
    """Return the names of a statement, which its step may still need; a statement inside another has its own step."""
    return {name: value for name, value in vars(statement).items() if name != "params" and _is_text(value)}


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, (str, bool)) or (isinstance(value, tuple) and all(map(_is_text, value)))


def read_steps(text: str, migration: object) -> tuple[Step, ...]:
    """Read steps.

    :param migration: the migration of the steps, for the message.
    :raises CannotMigrate: when the text is not what :func:`stored_step` makes.
    """
    try:
        return tuple(_read_step(step) for step in json.loads(text))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CannotMigrate(
            f"The journal of {migration} cannot be read ({type(error).__name__}: {error}); nothing was changed. "
            "Finish the migration with the version of this package that began it."
        ) from error


def _read_statement(word: str, values: dict[str, Any]) -> s.Statement:
    made: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in values.items()}
    return STATEMENTS[word](**made)


def _read_step(stored: dict[str, Any]) -> Step:
    word, values = stored["statement"]
    common: dict[str, Any] = {
        "queries": tuple(Query(sql) for sql in stored["sql"]),
        "statement": _read_statement(word, values),
        "locks": tuple(Lock(table, LockMode(mode), only) for table, mode, only in stored["locks"]),
        "undo": tuple(map(_read_step, stored["undo"])),
        "leftover": tuple(map(_read_step, stored["leftover"])),
    }
    match stored:
        case {"kind": "data", "fill": [table, column, default]}:
            return Batches(**common, work=Fill(table, column, default, None))
        case {"kind": "data", "rows": [table, assignment, where]}:
            spares = bool(stored.get("spares triggers"))
            return Batches(**common, work=Rows(table, Query(assignment), Query(where), spares))
        case {"kind": "long", "building": str(index)} if index:
            return ConcurrentBuild(**common, index=index)
        case {"kind": "long", "sql": [str(sql)]} if sql.startswith("DROP INDEX CONCURRENTLY "):
            return ConcurrentDrop(**common)
    return _BY_WORD[stored["kind"]](**common)
