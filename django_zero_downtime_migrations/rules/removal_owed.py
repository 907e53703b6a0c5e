"""A removal that is half done: what old code uses stays, and is dropped later."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import quote
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="REMOVAL_OWED",
    text=Unsafe.REMOVAL_OWED,
    kind=Kind.COMPATIBILITY,
    severity=Severity.NOTE,
    blocks=False,
    when="with EXPAND_CONTRACT, a field or model is removed that code of an earlier release may use",
    effect=(
        "the migration is recorded, and the column or table stays until no old code is seen: new code inserts without "
        "it and deletes what it points to, old code goes on as before"
    ),
    instead="nothing: the next migrate or manage.py contract drops it; manage.py contract --list shows what is owed",
)


@RULE.check(s.Owe)
def check(statement: s.Owe, context: Context) -> str | None:
    if statement.kind != s.REMOVED:
        return None
    what = f"{quote(statement.column)} of {statement.tables[0]}" if statement.column else ", ".join(statement.tables)
    return f"{what} stays for old code, and is owed: the next migrate or manage.py contract drops it"
