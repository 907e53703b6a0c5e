"""Two migrations of one deployment change the same table."""

from __future__ import annotations

from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.rule import Rule

RULE = Rule(
    code="SAME_TABLE_TWICE",
    text=Unsafe.SAME_TABLE_TWICE,
    kind=Kind.LOCK,
    severity=Severity.NOTE,
    only_checked=True,
    when="a table in use is changed by more than one migration of the deployment",
    effect=(
        "its queries wait for a lock more than once, and what stands between the two is a state that no code was "
        "written for"
    ),
    instead=(
        "put the changes into one migration if they belong together, or into two deployments if one has to follow the "
        "other"
    ),
).on_whole_plan()
