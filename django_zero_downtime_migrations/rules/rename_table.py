"""A renamed table: the code that still runs asks for the old name."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="ALTER_TABLE_RENAME",
    text=Unsafe.ALTER_TABLE_RENAME,
    kind=Kind.COMPATIBILITY,
    when="a table is renamed",
    effect="every query of code that knows the old name fails",
    instead=(
        "name the table with Meta.db_table in a migration before the model is renamed; or set EXPAND_CONTRACT to True: "
        "a view has the old name until no old code is seen; or rename it and leave such a view yourself"
    ),
)


@RULE.check(s.RenameTable)
def check(statement: s.RenameTable, context: Context) -> str | None:
    if statement.is_shown or context.has_no_old_code:
        return None
    return f"{statement.table} becomes {statement.new_table}"
