"""The progress of earlier runs with the migration of an editor, call by call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from django.db import transaction

from ..django_types import Model, StateApps

if TYPE_CHECKING:
    from ..execution.reader import Reader
    from ..planning.steps import Plan


class Call:
    """The outermost running call of the schema editor.

    :ivar key: the journal's name for it; empty if it is in no journal.
    :ivar past: an earlier run has begun it, so Django's method runs only for what Django keeps for the end of the
        migration.
    :ivar early: the call makes the indexes of its column itself.
    :ivar waited: the keys of earlier calls whose removals come with this one.
    """

    def __init__(self, key: str = "", past: bool = False, early: bool = False) -> None:
        self.key = key
        self.past = past
        self.early = early
        self.waited: tuple[str, ...] = ()


class NothingDone:
    """The progress of a migration that no earlier run has begun, or that has no journal."""

    def operation(self, number: int) -> None:
        """Note that an operation begins.

        :param number: its index; for a nested one, its parent's.
        """

    def call(self, what: str, model: Model | None, made: Any) -> Call:
        """Tell what earlier runs have done of a call of the editor.

        :param what: the method.
        :param model: its model, or None.
        :param made: what it is about, such as a field.
        """
        return Call()

    def passed(self, call: Call, queries: Sequence[str]) -> None:
        """Note a call that was not planned, and has sent its statements in the transaction that is open.

        :param queries: these, with parameters in them.
        """

    def run(self, call: Call, reader: Reader, plan: Plan) -> None:
        """Hand the plan of a call to its reader."""
        reader.run(plan)

    def go_on(self, call: Call, reader: Reader) -> None:
        """Finish a call that an earlier run has begun."""

    def once(self, code: Callable[[Any, Any], None], apps: StateApps, editor: Any, atomic: bool | None) -> None:
        """Run the code of a RunPython, unless an earlier run has, in the transaction that Django would give it.

        :param atomic: the operation's own setting.
        """
        wanted = atomic or (editor.atomic_wanted and atomic is not False)
        alone = not wanted or editor.connection.in_atomic_block
        with nullcontext() if alone else transaction.atomic(editor.connection.alias):
            code(apps, editor)

    def recorded(self) -> None:
        """Note that Django has recorded the migration."""

    def close(self, failed: bool) -> None:
        """Note that the editor has ended."""


class AlreadyBegun(NothingDone):
    """The progress for an editor that only collects: an earlier run has begun the migration."""

    def call(self, what: str, model: Model | None, made: Any) -> Call:
        return Call(past=True)
