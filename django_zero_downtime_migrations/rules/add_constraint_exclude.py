"""An exclusion constraint cannot be built without blocking."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="ADD_CONSTRAINT_EXCLUDE",
    text=Unsafe.ADD_CONSTRAINT_EXCLUDE,
    kind=Kind.LOCK,
    when="an exclusion constraint is added",
    effect=(
        "the table is scanned twice under ACCESS EXCLUSIVE; PostgreSQL has no NOT VALID and no concurrent build for it"
    ),
    instead="add it when the table is made, or make a new table with the constraint, copy into it, and switch over",
)


@RULE.check(s.AddExclusion)
def check(statement: s.AddExclusion, context: Context) -> str | None:
    return f"{statement.name} is built over all rows of {statement.table}"
