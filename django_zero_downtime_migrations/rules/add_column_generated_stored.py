"""A stored generated column is computed for every row while ADD COLUMN holds its lock."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="ADD_COLUMN_GENERATED_STORED",
    text=Unsafe.ADD_COLUMN_GENERATED_STORED,
    kind=Kind.LOCK,
    when="a stored generated column is added",
    effect="the whole table and its indexes are rewritten under ACCESS EXCLUSIVE",
    instead=(
        "use db_persist=False (PostgreSQL 18), or an ordinary nullable column that a trigger and a batched UPDATE fill"
    ),
)


@RULE.check(s.AddColumn)
def check(statement: s.AddColumn, context: Context) -> str | None:
    if is_stored(statement):
        return f"every row of {statement.table} is rewritten to compute {statement.column}"
    return None


def is_stored(statement: s.AddColumn) -> bool:
    return any(piece.startswith("GENERATED ALWAYS AS ") and piece.endswith(" STORED") for piece in statement.definition)
