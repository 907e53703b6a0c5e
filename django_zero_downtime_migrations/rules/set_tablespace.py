"""Moving a table to another tablespace copies it."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="ALTER_TABLE_SET_TABLESPACE",
    text=Unsafe.ALTER_TABLE_SET_TABLESPACE,
    kind=Kind.LOCK,
    when="a table moves to another tablespace",
    effect="all of its data is copied under ACCESS EXCLUSIVE",
    instead="move it with pg_repack or a logical copy, outside of migrations",
)


@RULE.check(s.SetTablespace)
def check(statement: s.SetTablespace, context: Context) -> str | None:
    return f"all data of {statement.table} is copied"
