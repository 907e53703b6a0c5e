"""ADD COLUMN with a value of its own for each row: a volatile default, an identity, a domain with a constraint."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind
from ..planning.context import Context
from ..planning.rule import Rule
from .add_column_generated_stored import is_stored

RULE = Rule(
    code="ADD_COLUMN_REWRITE",
    text=Unsafe.ADD_COLUMN_REWRITE,
    kind=Kind.LOCK,
    when="a column is added with a volatile default, as an identity, or of a domain that has a constraint",
    effect="the whole table and its indexes are rewritten under ACCESS EXCLUSIVE",
    instead=(
        "add the column nullable without the default, set the default in a second migration, fill the "
        "rows in batches, then set NOT NULL"
    ),
)


@RULE.check(s.AddColumn)
def check(statement: s.AddColumn, context: Context) -> str | None:
    if is_stored(statement) or not context.adding_rewrites(statement):
        return None
    fills = not context.settings.online_type_changes and statement.has("DEFAULT")
    hint = "; with ONLINE_TYPE_CHANGES the rows get it in batches" if fills else ""
    return f"{statement.column} needs a value of its own in every row of {statement.table}{hint}"
