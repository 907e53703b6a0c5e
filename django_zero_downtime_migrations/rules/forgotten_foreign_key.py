"""A foreign key that Django forgets while its constraint stays: Django no longer deletes what points to a row."""

from __future__ import annotations

from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.rule import Rule

RULE = Rule(
    code="FORGOTTEN_FOREIGN_KEY",
    text=Unsafe.FORGOTTEN_FOREIGN_KEY,
    kind=Kind.COMPATIBILITY,
    severity=Severity.WARN,
    only_checked=True,
    when=(
        "a foreign key, a many-to-many field or a model is removed from the state alone, and the constraint stays in "
        "the database"
    ),
    effect="the new code cannot delete a row that others still point to, since it does not know of them",
    instead=(
        "let the constraint go before the field is forgotten (AlterField with db_constraint=False), or drop field or "
        "model where no process knows it any more"
    ),
).on_whole_plan()
