"""A column that is NOT NULL for new code, while the database fills it for old code for some time."""

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
    when=(
        "with EXPAND_CONTRACT, a NOT NULL field with a default is added, or a field becomes NOT NULL that has one, and "
        "code of an earlier release leaves it out or writes NULL"
    ),
    effect=(
        "the migration is recorded, and until no old code is seen rows of old code get the default: it stays in the "
        "database, or a trigger puts it in the place of NULL"
    ),
    instead="nothing: the next migrate or manage.py contract drops it; manage.py contract --list shows what is owed",
)


_KEPT = {s.DEFAULT: "keeps its default", s.FILLED: "has a trigger that puts the default in the place of NULL"}


@RULE.check(s.Owe)
def check(statement: s.Owe, context: Context) -> str | None:
    column = f"{quote(statement.column)} of {statement.tables[0]}"
    note = f" ({statement.note})" if statement.note else ""
    what = _KEPT.get(statement.kind)
    return f"{column} {what} for old code{note}: the next migrate or manage.py contract drops it" if what else None
