"""The interface of all readers that take the plans of a schema editor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from ..settings import MigrationSettings

if TYPE_CHECKING:
    from ..planning.steps import Plan
    from .journal.call_under_way import CallUnderWay
    from .one_migrate.turn import Turn
    from .own_code import Operation
    from .run import Passed


class Reader(Protocol):
    """The way out of an editor: ``execution.run`` sends, ``execution.script`` prints, and ``check_migrations`` and the
    judgement of a whole run only look.
    """

    @property
    def is_silent(self) -> bool:
        """Whether the reader itself tells the findings of the plans, instead of the log."""

    @property
    def passes_on(self) -> bool:
        """Whether it takes statements that are not planned."""

    def passing_on(self) -> AbstractContextManager[object]:
        """Return a context for the statements of a call that is not planned."""

    def pass_on(self, statements: Sequence[Passed]) -> None:
        """Send statements as Django has them, in the transaction that Django would have for them; several in one
        round trip.
        """

    def use_settings(self, settings: MigrationSettings) -> None:
        """Go by these settings from the next plan on."""

    def write_into(self, catch_up: Callable[[], None], turn: Turn, keeps: bool) -> None:
        """Write down from now on what is done.

        :param catch_up: writes what a transaction has done, before it is committed.
        :param turn: keeps other runs of ``migrate`` out; asked before each step whether it still does.
        :param keeps: an earlier run has done something, which stays when a later call fails.
        """

    def run(self, plan: Plan, call: CallUnderWay | None = None) -> None:
        """Carry out the plan of one call of the editor.

        :param call: the journal's entry for it; None if it is not written down.
        """

    def go_on(self, call: CallUnderWay) -> None:
        """Carry out what is left of the steps of a call that an earlier run has begun."""

    def between_operations(self, at_work: Callable[[], Operation | None]) -> None:
        """Note that an operation begins.

        :param at_work: tells which one.
        """

    def after_operations(self) -> None:
        """Note that the last operation has ended."""

    def was_there(self, table: str) -> bool:
        """Return whether a table that was to be made was there already.

        :param table: its quoted name.
        """

    def say_what_stays(self, error: BaseException) -> None:
        """Tell what is committed of a migration that fails, before its transaction is rolled back."""

    def has_explained(self, error: BaseException) -> bool:
        """Return whether this is the error of a step, which says all that is known of it."""

    def close(self) -> None:
        """End the migration: close what was opened for it, and print what was put off."""


class SendsNothing:
    """The common part of all readers but the one that sends: nothing is done, so there is nothing to say of it."""

    is_silent = False
    passes_on = False

    def passing_on(self) -> AbstractContextManager[object]:
        return nullcontext()

    def pass_on(self, statements: Sequence[Passed]) -> None:
        pass

    def use_settings(self, settings: MigrationSettings) -> None:
        pass

    def write_into(self, catch_up: Callable[[], None], turn: Turn, keeps: bool) -> None:
        pass

    def go_on(self, call: CallUnderWay) -> None:
        pass

    def between_operations(self, at_work: Callable[[], Operation | None]) -> None:
        pass

    def after_operations(self) -> None:
        pass

    def was_there(self, table: str) -> bool:
        return False

    def say_what_stays(self, error: BaseException) -> None:
        pass

    def has_explained(self, error: BaseException) -> bool:
        return False

    def close(self) -> None:
        pass
