"""Statements of one schema-editor call -> a :class:`~.plan.Plan`: split, arranged, judged, rewritten, merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .ddl import statements as s
from .findings import Finding
from .order import arrange
from .plan import CHECKS, REWRITES, SPLITS, Context, Plan, Step, StepClass, as_written


def plan(statements: Iterable[s.Statement], context: Context) -> Plan:
    """Work out everything that a call will do. Nothing is sent; ``context.projection`` is left as it will be after
    the call.
    """
    statements = [x for x in statements if not (context.keeps_defaults and isinstance(x, s.DropDefault))]
    if context.in_transaction or context.nothing_in_use:
        return _stock(statements, context)
    before = context.projection
    context.catalog.projection = before.copy()
    arranged = arrange(list(_split(statements, context)), before, context)
    context.catalog.projection = before
    steps: list[Step] = []
    findings: list[Finding] = []
    for statement in arranged:
        findings += _judge(statement, context)
        steps += _rewrite(statement, context)
        before.apply(statement)
    return Plan(tuple(_merge(steps)), tuple(findings))


def _stock(statements: Iterable[s.Statement], context: Context) -> Plan:
    steps: list[Step] = []
    findings: list[Finding] = []
    for statement in statements:
        findings += _judge(statement, context)
        kind = StepClass.CALLERS if context.protects(statement) else StepClass.STOCK
        steps.append(as_written(statement, StepClass.DATA if isinstance(statement, s.Raw) else kind))
        context.projection.apply(statement)
    return Plan(tuple(steps), tuple(findings))


def _split(statements: Iterable[s.Statement], context: Context) -> Iterator[s.Statement]:
    for statement in statements:
        split = SPLITS.get(type(statement))
        parts = split(statement, context) if split and context.protects(statement) else (statement,)
        for part in parts:
            yield part
            context.projection.apply(part)


def _judge(statement: s.Statement, context: Context) -> Iterator[Finding]:
    """What the rules have against a statement on a table that is in use."""
    if not context.protects(statement):
        return
    for rule, check in CHECKS.get(type(statement), ()):
        message = check(statement, context)
        if message:
            yield rule.finding(statement, message, context)


def _rewrite(statement: s.Statement, context: Context) -> Iterable[Step]:
    if isinstance(statement, s.Raw):
        return [as_written(statement, StepClass.DATA)]
    if not context.protects(statement):
        return [as_written(statement, StepClass.STOCK)]
    rewrite = REWRITES.get(type(statement))
    return rewrite(statement, context) if rewrite else [as_written(statement, StepClass.SHORT)]


def _merge(steps: Iterable[Step]) -> Iterator[Step]:
    """Consecutive short steps under the same lock on the same single table become one transaction: one wait for the
    lock, one round trip.
    """
    current: Step | None = None
    for step in steps:
        if current is not None and _same_lock(current, step):
            current = current._replace(queries=current.queries + step.queries, undo=_undo(current, step))
            continue
        if current is not None:
            yield current
        current = step
    if current is not None:
        yield current


def _same_lock(step: Step, other: Step) -> bool:
    return step.kind is other.kind is StepClass.SHORT and len(step.locks) == 1 and step.locks == other.locks


def _undo(step: Step, other: Step) -> tuple[Step, ...]:
    """Both or neither can be taken back."""
    return other.undo + step.undo if step.undo and other.undo else ()
