"""A data migration that cannot be taken back."""

from __future__ import annotations

from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.rule import Rule

RULE = Rule(
    code="RUN_PYTHON_NO_REVERSE",
    text=Unsafe.RUN_PYTHON_NO_REVERSE,
    kind=Kind.COMPATIBILITY,
    severity=Severity.NOTE,
    only_checked=True,
    when="a RunPython has no reverse_code",
    effect="a release with it cannot be taken back: migrate to an earlier migration stops there (IrreversibleError)",
    instead="give it a reverse_code; migrations.RunPython.noop where nothing has to be undone",
).on_whole_plan()
