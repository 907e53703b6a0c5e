"""Statements of one schema-editor call -> a :class:`~.steps.Plan`: split, arranged, judged, rewritten, merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from itertools import groupby
from typing import Any

from django.db import transaction

from ..catalog.changes import apply
from ..ddl import statements as s
from ..ddl.triggers import MakeTrigger
from ..findings import Finding, Kind, Severity
from ..log import logger
from ..naming import renamed_in, split_identifier
from .context import Context
from .kinds import AsStock, InCallers, Short, Step, UsersOwn
from .order import arrange
from .registry import Rewrite, Split
from .rule import Check
from .steps import Plan, as_written, together
from .together import join, separate
from .verdict import judged


class Planner:
    """Makes a plan of the statements of a call.

    :param rewrites: the functions that turn a statement into steps, by its type.
    :param splits: the functions that replace a statement by several, by its type.
    :param checks: the rules that look at a statement, by its type.
    """

    def __init__(
        self,
        rewrites: Mapping[type[s.Statement], Rewrite],
        splits: Mapping[type[s.Statement], Split],
        checks: Mapping[type[s.Statement], Sequence[Check]],
    ) -> None:
        self._rewrites = rewrites
        self._splits = splits
        self._checks = checks

    def plan(self, statements: Iterable[s.Statement], context: Context) -> Plan:
        """Work out everything that a call will do. Nothing is sent; ``context.projection`` is left as it will be after
        the call.
        """
        statements = [x for x in statements if not (context.keeps_defaults and isinstance(x, s.DropDefault))]
        if context.in_transaction or context.nothing_in_use:
            return self._stock(statements, context)
        steps: list[Step] = []
        findings: list[Finding] = []
        for statement in self._arranged(statements, context):
            if isinstance(statement, s.Together):
                made, found = self._planned_together(statement, context)
            else:
                made, found = self._planned(statement, context)
            steps += made
            findings += found
        return Plan(tuple(_merge(steps)), tuple(findings))

    def _arranged(self, statements: list[s.Statement], context: Context) -> list[s.Statement]:
        """Return the statements split, in order, and joined if they need one transaction. The user's own SQL stays as
        it is.
        """
        if all(isinstance(statement, s.Raw) for statement in statements):
            return statements
        ahead = context.at(context.projection.copy())
        return join(arrange(list(self._split(statements, ahead)), context, ahead), context)

    def _planned(self, statement: s.Statement, context: Context) -> tuple[list[Step], list[Finding]]:
        """Return the steps and findings of a statement. For the projection, the statement has run then."""
        statement = _placed(statement, context)
        findings = list(self._judge(statement, context))
        steps = list(self._rewrite(statement, context))
        apply(context.projection, statement)
        return steps, findings

    def _planned_together(self, statement: s.Together, context: Context) -> tuple[list[Step], list[Finding]]:
        inside: list[Step] = []
        after: list[Step] = []
        findings: list[Finding] = []
        context = replace(context, together=True)
        for part in statement.statements:
            steps, found = self._planned(part, context)
            now, then = separate(part, steps)
            inside += now
            after += then
            findings += found
        return [*([together(inside)] if inside else []), *after], findings

    def _stock(self, statements: Iterable[s.Statement], context: Context) -> Plan:
        steps: list[Step] = []
        findings: list[Finding] = []
        for statement in (_placed(x, context) for x in statements):
            findings += self._judge(statement, context)
            kind = InCallers if context.protects(statement) else AsStock
            step = as_written(statement, UsersOwn if isinstance(statement, s.Raw) else kind)
            steps.append(context.around_triggers(step))
            apply(context.projection, statement)
        return Plan(tuple(steps), tuple(findings))

    def _split(self, statements: Iterable[s.Statement], context: Context) -> Iterator[s.Statement]:
        """Replace statements by their parts.

        :param context: its projection will have all of them.
        """
        for statement in statements:
            split = self._splits.get(type(statement))
            parts = split(statement, context) if split and context.protects(statement) else (statement,)
            for part in parts:
                yield part
                apply(context.projection, part)

    def _judge(self, statement: s.Statement, context: Context) -> Iterator[Finding]:
        """Yield the findings of the rules about a statement on a table in use, as they count."""
        found: Iterable[Finding] = ()
        if isinstance(statement, s.Raw):
            found = self._judge_sql(statement, context)
        elif context.protects(statement):
            found = _found(statement, self._checks.get(type(statement), ()), context)
        return (judged(finding, statement, context) for finding in found)

    def _judge_sql(self, raw: s.Raw, context: Context) -> Iterator[Finding]:
        """Judge each statement of the user's own SQL as if the ones before it had run. Never refused: raw SQL is taken
        as intended.
        """
        if context.nothing_in_use:
            return
        from ..ddl.raw_sql import meaning

        seen: set[tuple[str, str]] = set()
        text = context.text(raw)
        read = raw if text == raw.sql else raw.named(sql=text, params=None)
        for meant in meaning(read, context.names).statements:
            for finding in self._found_in_sql(meant, context):
                if (finding.code, finding.table) not in seen:
                    seen.add((finding.code, finding.table))
                    yield finding.named(sent=raw.sql)

    def _found_in_sql(self, meant: s.Statement, context: Context) -> list[Finding]:
        if isinstance(meant, s.CreateTable) and meant.if_missing and context.catalog.exists(meant.table):
            return []
        try:
            with _spared(context):
                found = self._found_as_sql(meant, context)
        except Exception as error:
            # Unlike a statement of Django's it is sent whatever its judgement is, and the server may know better.
            logger.warning("This could not be judged (%r): %s", error, meant.sql)
            found = []
        with suppress(ValueError):
            # An object without a name in the SQL gets one from the server, and is not referred to by name.
            apply(context.projection, meant)
        return found

    def _found_as_sql(self, meant: s.Statement, context: Context) -> list[Finding]:
        if meant.table and not context.protects(meant):
            return []
        own = [pair for pair in self._checks.get(type(meant), ()) if not pair[0].of_templates]
        found = list(_found(meant, own, context))
        if not any(finding.kind is Kind.LOCK for finding in found):
            found += _found(meant, self._checks.get(s.Raw, ()), context)
        # A view may take a renamed table's name, in a statement that follows.
        softest = Severity.NOTE if isinstance(meant, s.RenameTable) else Severity.WARN
        return [x.named(severity=softest) if x.severity is Severity.REFUSE else x for x in found]

    def _rewrite(self, statement: s.Statement, context: Context) -> Iterable[Step]:
        if isinstance(statement, s.Raw):
            return [as_written(statement, UsersOwn)]
        if not context.protects(statement):
            return [context.around_triggers(as_written(statement, AsStock))]
        rewrite = self._rewrites.get(type(statement))
        return rewrite(statement, context) if rewrite else [as_written(statement, Short)]


def _found(statement: s.Statement, checks: Iterable[Check], context: Context) -> Iterator[Finding]:
    for rule, check in checks:
        if rule.only_checked and context.old_code is None:
            continue
        message = check(statement, context)
        if message:
            yield rule.finding(statement, message, context)


def _spared(context: Context) -> AbstractContextManager[Any]:
    """Return a context in which a question's error does not end the caller's transaction."""
    return transaction.atomic(context.catalog.connection.alias) if context.in_transaction else nullcontext()


def _placed(statement: s.Statement, context: Context) -> s.Statement:
    """Name the schema of what belongs to the statement's table: if Django leaves the schema out, the first namesake in
    the search_path would be meant.
    """
    if not isinstance(statement, (s.DropIndex, s.RenameIndex, s.DropForeignKey)):
        return statement
    table, name = statement.table, statement.name
    if len(split_identifier(table)) == 1 and (context.nothing_in_use or not context.in_use(table)):
        # A new table is in the first schema.
        return statement
    if isinstance(statement, s.DropForeignKey) and not statement.sql.startswith("SET CONSTRAINTS "):
        return statement
    if isinstance(statement, s.DropForeignKey) and not context.in_transaction and context.protects(statement):
        # The drop is sent without SET CONSTRAINTS.
        return statement
    return statement.named(sql=renamed_in(statement.sql, context.catalog.beside(table, name)))


def _merge(steps: Sequence[Step]) -> Iterator[Step]:
    """Make one transaction of consecutive short steps under the same lock on the same single table: one wait for the
    lock, one round trip. Nothing depends on it: steps that need one transaction are one step already.
    """
    for _, group in groupby(steps, _merged_by):
        merged = list(group)
        yield together(merged) if len(merged) > 1 else merged[0]


def _merged_by(step: Step) -> object:
    """Return a key that mergeable steps share; every other step has a key of its own."""
    is_mergeable = isinstance(step, Short) and step.bounded and len(step.locks) == 1
    # It needs privileges that others do not need; they are checked by its statement.
    is_mergeable = is_mergeable and not isinstance(step.statement, MakeTrigger)
    return step.locks[0] if is_mergeable else id(step)


#: The planner of a new database, which leaves the statements as Django has them.
PLAIN = Planner({}, {}, {})
