"""The policy of --strict: a deployment only adds."""

from __future__ import annotations

from ..errors import Unsafe
from ..findings import Kind
from ..planning.rule import Rule

RULE = Rule(
    code="NOT_ADDITIVE",
    text=Unsafe.NOT_ADDITIVE,
    kind=Kind.COMPATIBILITY,
    only_checked=True,
    when="--strict is given, and an operation is none of CreateModel, AddField without a default and AlterModelOptions",
    effect="code that was written before the change may not work after it",
    instead=(
        "only add in this deployment, and change or remove in a later one, when no old code runs; or accept it with "
        "SafetyAssured"
    ),
).on_whole_plan()
