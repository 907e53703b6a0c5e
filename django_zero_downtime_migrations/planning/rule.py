"""A rule: the record of a finding, and the functions that look for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..ddl import statements as s
from ..findings import Finding, Kind, Origin, Severity
from ..printable import printable
from ..record import Record
from .context import Context

R = TypeVar("R", bound=Callable[..., Any])


class Certain(str):
    """The finding of a warning rule, if something certainly fails: it is refused."""


class Rule(Record):
    """A finding's record: messages and documentation are rendered from it.

    :param code: its name.
    :param text: made by :func:`errors.unsafe_text`; a constant of :class:`errors.Unsafe` if users map on it.
    :param when: what the rule looks for.
    :param effect: what it does to a live table.
    :param instead: what to write.
    :param only_checked: right at one time of a deployment and wrong at another, which ``migrate`` cannot know: only
        ``check_migrations`` reports it.
    :param blocks: the statement's own lock is held for as long as the described work takes.
    :param of_templates: it is about the safe form of a statement of Django's, and does not apply to raw SQL.
    """

    code: str
    text: str
    kind: Kind
    when: str
    effect: str
    instead: str
    severity: Severity = Severity.REFUSE
    only_checked: bool = False
    of_templates: bool = False
    blocks: bool = True

    def check(self, *kinds: type[s.Statement]) -> Callable[[R], R]:
        """Register a function (statement, context) -> what it found, in words that name it, or None."""

        def register(function: R) -> R:
            for kind in kinds:
                CHECKS.setdefault(kind, []).append((self, function))
            return function

        return register

    def on_whole_plan(self) -> Rule:
        """Register a rule about several statements: ``check_migrations`` looks at the whole plan for it."""
        WHOLE_PLAN.append(self)
        return self

    def found(self, message: str, table: str = "", origin: Origin = Origin(), assured: str = "") -> Finding:  # noqa: B008
        """Return the finding of a rule about the whole plan."""
        return self._made(message, table=table, origin=origin, assured=assured)

    def finding(self, statement: s.Statement, message: str, context: Context) -> Finding:
        """Return the finding of a rule about a statement."""
        certain = {"severity": Severity.REFUSE} if isinstance(message, Certain) else {}
        strongest = max((lock.mode for lock in statement.locks()), key=lambda mode: mode.strength, default=None)
        return self._made(
            message,
            sql=context.text(statement),
            table=statement.table,
            lock=strongest if self.blocks else None,
            origin=context.origin,
            sent=str(statement.sql),
            **certain,
        )

    def _made(self, message: str, **more: object) -> Finding:
        of_rule = {name: getattr(self, name) for name in ("code", "text", "severity", "kind", "instead")}
        return Finding(**{"sql": "", **of_rule, **more}, message=printable(message))


WHOLE_PLAN: list[Rule] = []
Check = tuple[Rule, Callable[[Any, Context], "str | None"]]
CHECKS: dict[type[s.Statement], list[Check]] = {}
