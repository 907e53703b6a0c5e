"""PostgreSQL would refuse a statement."""

from __future__ import annotations

from ..errors import Unsafe
from ..findings import Kind
from ..planning.rule import Rule

RULE = Rule(
    code="CANNOT_MIGRATE",
    text=Unsafe.CANNOT_MIGRATE,
    kind=Kind.LOCK,
    only_checked=True,
    when="the server will refuse a statement of the migration, or could only obey by dropping something else",
    effect="the migration stops there",
    instead="do what the message says, in a migration before this one",
).on_whole_plan()
