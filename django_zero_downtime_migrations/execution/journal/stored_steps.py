"""Steps as JSON. The words are part of the format: they stay when a class gets another name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from ...ddl import statements as s
from ...errors import CannotMigrate
from ...locks import Lock, LockMode
from ...planning.steps import Fill, Query, Step, StepClass

#: Changes with the meaning of anything that is stored; ``tests/unit/test_stored_steps.py`` has a frozen row of each.
FORMAT: Final = 1

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
    "raw": s.Raw,
    "command": s.Command,
    "statement": s.Statement,
}
_WORDS: Final = {kind: word for word, kind in STATEMENTS.items()}
Composed = Callable[[Query], str]


def stored_step(step: Step, composed: Composed) -> dict[str, Any]:
    """:param composed: gives a query's text with its parameters in it."""
    fill = step.fill and [step.fill.table, step.fill.column, composed(Query(step.fill.default, step.fill.params))]
    return {
        "sql": [composed(query) for query in step.queries],
        "kind": step.kind.value,
        "statement": [_WORDS[type(step.statement)], _plain(step.statement)],
        "locks": [[lock.table, lock.mode.value, lock.only] for lock in step.locks],
        "undo": [stored_step(x, composed) for x in step.undo],
        "leftover": [stored_step(x, composed) for x in step.leftover],
        "fill": fill,
        "building": step.building,
    }


def _plain(statement: s.Statement) -> dict[str, Any]:
    """What a step may still need of its statement: its names. A statement inside another is a step by itself by now."""
    return {name: value for name, value in vars(statement).items() if name != "params" and _is_text(value)}


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, (str, bool)) or (isinstance(value, tuple) and all(map(_is_text, value)))


def read_steps(text: str, migration: object) -> tuple[Step, ...]:
    """:param migration: whose steps they are, for the message.

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
    fill = stored["fill"]
    return Step(
        tuple(Query(sql) for sql in stored["sql"]),
        StepClass(stored["kind"]),
        _read_statement(word, values),
        tuple(Lock(table, LockMode(mode), only) for table, mode, only in stored["locks"]),
        tuple(map(_read_step, stored["undo"])),
        tuple(map(_read_step, stored["leftover"])),
        Fill(fill[0], fill[1], fill[2], None) if fill else None,
        stored["building"],
    )
