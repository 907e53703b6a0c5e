"""A column that is NOT NULL for new code, and for old code is filled by the database for a while."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import quote
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="NOT_NULL_OWED",
    text=Unsafe.NOT_NULL_OWED,
    kind=Kind.COMPATIBILITY,
    severity=Severity.NOTE,
    blocks=False,
    when="with EXPAND_CONTRACT, a NOT NULL field with a default is added, which code of an earlier release leaves out",
    effect=(
        "the migration is recorded, and the default stays in the database until no old code is seen: rows of old code "
        "have it"
    ),
    instead="nothing: the next migrate or manage.py contract drops it; manage.py contract --list shows what is owed",
)


@RULE.check(s.Owe)
def check(statement: s.Owe, context: Context) -> str | None:
    if statement.kind != s.DEFAULT:
        return None
    column = f"{quote(statement.column)} of {statement.tables[0]}"
    note = f" ({statement.note})" if statement.note else ""
    return f"{column} keeps its default for old code{note}: the next migrate or manage.py contract drops it"
