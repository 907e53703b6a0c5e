"""A field or model that Django is told of, while the database has no such column or table."""

from __future__ import annotations

from ..errors import Unsafe
from ..findings import Kind
from ..planning.rule import Rule

RULE = Rule(
    code="STATE_AHEAD",
    text=Unsafe.STATE_AHEAD,
    kind=Kind.COMPATIBILITY,
    only_checked=True,
    when="a field or model is added to the state alone, and the deployment ends without its column or table",
    effect="every query of the new code that names the column or table fails",
    instead=(
        "let the same operation make it (without SeparateDatabaseAndState, or with database_operations), or make it in "
        "the database first"
    ),
).on_whole_plan()
