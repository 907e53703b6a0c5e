"""Steps as JSON. The words are part of the format: they stay when a class is renamed."""

from __future__ import annotations

import json
from typing import Any, Final

from ...ddl import statements as s
from ...ddl.triggers import DropTrigger, MakeTrigger
from ...errors import CannotMigrate
from ...locks import Lock, LockMode
from ...planning.kinds import Composed, Step
from ...planning.queries import Query

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


def stored_step(step: Step, composed: Composed) -> dict[str, Any]:
    """Return a step as JSON."""
    return {
        "sql": [composed(query) for query in step.queries],
        "kind": step.stored_as,
        "statement": [_WORDS[type(step.statement)], _plain(step.statement)],
        "locks": [[lock.table, lock.mode.value, lock.only] for lock in step.locks],
        "undo": [stored_step(x, composed) for x in step.undo],
        "leftover": [stored_step(x, composed) for x in step.leftover],
        "fill": None,
        "building": "",
        **step.more_to_store(composed),
    }


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
    for kind in reversed(Step.stored):
        if kind.stored_as == stored["kind"] and (more := kind.read_more(stored)) is not None:
            return kind(**common, **more)
    raise ValueError(f"no kind of step is stored as {stored['kind']!r}")
