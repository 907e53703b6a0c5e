"""A new constraint: the code that still runs does not keep it."""

from __future__ import annotations

from collections.abc import Sequence

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import names_in, quote, unquote
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="ADD_CONSTRAINT",
    text=Unsafe.ADD_CONSTRAINT,
    kind=Kind.COMPATIBILITY,
    severity=Severity.WARN,
    only_checked=True,
    when="a constraint is added on columns that the code before this deployment writes, and it has none like it",
    effect="INSERTs and UPDATEs of that code that violate the constraint fail",
    instead="release code that keeps the constraint first, and add it when the old code has gone",
)


@RULE.check(s.AddCheck)
def check_check(statement: s.AddCheck, context: Context) -> str | None:
    columns = [name for name in names_in(statement.check) if context.old_code_knows(statement.table, name)]
    return _found(statement, context, "c", columns, statement.check) if columns else None


@RULE.check(s.AddUnique)
def check_unique(statement: s.AddUnique, context: Context) -> str | None:
    return _all_known(statement, context, "u", names_in(statement.columns))


@RULE.check(s.CreateIndex)
def check_index(statement: s.CreateIndex, context: Context) -> str | None:
    if not statement.unique:
        return None
    if statement.columns is None:
        return _found(statement, context, "u", ())
    return _all_known(statement, context, "u", statement.columns)


@RULE.check(s.AddForeignKey)
def check_foreign_key(statement: s.AddForeignKey, context: Context) -> str | None:
    return _all_known(statement, context, "f", [unquote(statement.column)], statement.to_table)


@RULE.check(s.AddExclusion)
def check_exclusion(statement: s.AddExclusion, context: Context) -> str | None:
    return _found(statement, context, "x", ())


def _all_known(
    statement: s.AddConstraint | s.CreateIndex, context: Context, kind: str, columns: Sequence[str], detail: str = ""
) -> str | None:
    """Return None if old code does not know a column: it leaves the column NULL, which violates neither kind."""
    if not all(context.old_code_knows(statement.table, column) for column in columns):
        return None
    return _found(statement, context, kind, columns, detail)


def _found(
    statement: s.AddConstraint | s.CreateIndex, context: Context, kind: str, columns: Sequence[str], detail: str = ""
) -> str | None:
    table = statement.table
    if not context.in_use(table) or not context.old_code_knows(table):
        return None
    if context.old_code_keeps(table, kind, columns, detail):
        return None
    name = quote(context.names.lasting(unquote(statement.name)))
    return f"{name} is added to {table}, and code that still runs may write what violates it"
