"""A renamed column: the code that still runs asks for the old name."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="ALTER_TABLE_RENAME_COLUMN",
    text=Unsafe.ALTER_TABLE_RENAME_COLUMN,
    kind=Kind.COMPATIBILITY,
    when="a column is renamed",
    effect="every query of code that knows the old name fails",
    instead=(
        "rename the field and keep the column with db_column; or set EXPAND_CONTRACT to True: the column has both "
        "names until no old code is seen; or add a new column, write to both, copy in batches, and drop the old one. "
        "The columns of an automatic many-to-many table have no db_column: give it a through model of its own before "
        "you rename the models"
    ),
)


@RULE.check(s.RenameColumn)
def check(statement: s.RenameColumn, context: Context) -> str | None:
    if statement.is_shown or context.has_no_old_code:
        return None
    return f"{statement.column} of {statement.table} becomes {statement.new_column}"
