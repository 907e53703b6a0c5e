"""Rows are changed in the migration that also changes the table."""

from __future__ import annotations

from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.rule import Rule

RULE = Rule(
    code="DATA_WITH_SCHEMA",
    text=Unsafe.DATA_WITH_SCHEMA,
    kind=Kind.LOCK,
    severity=Severity.WARN,
    only_checked=True,
    when="a migration changes rows of a table in use, by RunPython or SQL, and the table itself",
    effect=(
        "the steps are not one transaction: when one fails, a second run repeats those before it; and neither can go "
        "out alone"
    ),
    instead="change the rows in a migration of their own, between those that change the table",
).on_whole_plan()
