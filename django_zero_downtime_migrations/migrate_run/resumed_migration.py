"""One migration in its editor: the calls that an earlier run has done are not done again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import transaction

from ..django_types import Model, StateApps
from .progress import Call, NothingDone
from .run_python_once import digest

if TYPE_CHECKING:
    from ..execution.journal.journal import Journal
    from ..execution.journal.store import Entry
    from ..execution.reader import Reader
    from ..execution.transactions import OwnTransaction
    from ..planning.steps import Plan

logger = logging.getLogger("django_zero_downtime_migrations")
#: The suffix of a call that has made the indexes of its column itself.
EARLY = " with its indexes"
#: The separator between the key of a call and the keys of calls whose removals come with it: they begin and end with
#: it.
WAITED = " || "
#: The call in which deferred statements run, when the operations have ended.
END = "end"
#: Calls that no single operation makes, and what their keys begin with.
NOT_OF_ONE = {END: END, "deferred": "any"}


class ResumedMigration(NothingDone):
    """The progress of a resumed migration. It gives the calls of the editor their keys: operation, method, model and
    name, and a number if these repeat.

    :param journal: makes the journal, when there is something to write.
    :param entry: what an earlier run has left of the migration.
    :param begins: called when the first operation begins.
    :param ended: called when the editor has ended, with whether it has failed.
    :param backwards: the run takes migrations back, and Django records that after the editor.
    """

    def __init__(
        self,
        journal: Callable[[], Journal],
        entry: Entry | None,
        own: OwnTransaction,
        begins: Callable[[], None],
        ended: Callable[[bool], None],
        backwards: bool,
    ) -> None:
        self._make_journal = journal
        self._own = own
        self._begins = begins
        self._ended = ended
        self._backwards = backwards
        self._place: tuple[int, int] | None = None
        self._seen: dict[str, int] = {}
        stored = [*entry.complete, entry.call] if entry else []
        self._known = {key for each in stored if each for key in each.split(WAITED)}
        #: The numbers of the operations that are complete as a whole.
        self._known_whole = _whole_operations(self._known)
        #: The keys of the operation that is under way.
        self._keys: list[str] = []
        #: Calls that end with the open transaction, and what they have sent.
        self._passed: list[tuple[str, Sequence[str]]] = []

    @cached_property
    def journal(self) -> Journal:
        journal, passed, self._passed = self._make_journal(), self._passed, []
        for key, queries in passed:
            journal.mark_with_transaction(key, queries)
        return journal

    @property
    def is_written(self) -> bool:
        """Whether there is a journal in the database."""
        return "journal" in vars(self) and self.journal.exists

    def catch_up(self) -> None:
        """Write down what the transaction has done, before it is committed."""
        if self._passed or "journal" in vars(self):
            self.journal.catch_up()

    def _mark_with_transaction(self, key: str, queries: Sequence[str] = ()) -> None:
        if "journal" in vars(self):
            self.journal.mark_with_transaction(key, queries)
        else:
            self._passed.append((key, queries))

    def operation(self, number: int) -> None:
        if self._place is None:
            self._begins()
        inner = self._place[1] + 1 if self._place and self._place[0] == number else 0
        if self._place and not inner:
            self._ended_operation(self._place[0])
        self._place = (number, inner)

    def _ended_operation(self, number: int) -> None:
        if "journal" in vars(self):
            self.journal.operation_ended(number, self._keys)
        self._keys = []

    def call(self, what: str, model: Model | None, made: Any) -> Call:
        if self._place is None or self._own.of_caller:
            # No operation has begun, or a RunPython has its transaction open and is marked as a whole.
            return Call()
        key = self._key(what, getattr(getattr(model, "_meta", None), "label", ""), _name(made))
        early = key + EARLY
        past = self._is_known(key) or early in self._known
        return Call(key, past, early=early in self._known)

    def _is_known(self, key: str) -> bool:
        """Whether an earlier run has made a call, or all calls of its operation."""
        number = self._place[0] if self._place and key in self._keys else None
        return key in self._known or number in self._known_whole

    def _key(self, what: str, *names: str) -> str:
        number, inner = self._place or ("", "")
        # A deferred statement runs as soon as its tables are there, which they may be earlier this time.
        place = NOT_OF_ONE.get(what, f"{number}.{inner}")
        key = " ".join(filter(None, (place, what, *names)))
        self._seen[key] = self._seen.get(key, 0) + 1
        numbered = key if self._seen[key] == 1 else f"{key} #{self._seen[key]}"
        if what not in NOT_OF_ONE:
            self._keys.append(numbered)
        return numbered

    def run(self, call: Call, reader: Reader, plan: Plan) -> None:
        if not call.key:
            reader.run(plan)
            return
        with self.journal.call(_stored(call), plan.steps) as under_way:
            reader.run(plan, under_way)

    def passed(self, call: Call, queries: Sequence[str]) -> None:
        if call.key:
            self._mark_with_transaction(_stored(call), queries)

    def go_on(self, call: Call, reader: Reader) -> None:
        left = self.journal.left
        if left is None or left.call.split(WAITED)[0] != _stored(call):
            logger.info("Done by an earlier run: %s", call.key)
            return
        with self.journal.interrupted_call() as under_way:
            reader.go_on(under_way)

    def once(self, code: Callable[[Any, Any], None], apps: StateApps, editor: Any, atomic: bool | None) -> None:
        """Run the code and mark it in its transaction, unless that is the one in which Django records the migration. If
        the code has no transaction, mark it afterwards.

        :param atomic: the operation's own setting. Django opens a transaction only for an outermost operation.
        """
        key = self._key("RunPython")
        if self._is_known(key):
            logger.info("Done by an earlier run: %s", key)
            return
        if self._own.of_caller or atomic is False or not (atomic or editor.atomic_wanted):
            code(apps, editor)
            self.journal.mark(key)
            return
        # As after the user's own SQL, the code's locks are released before the next operation.
        self._own.open(raw=not editor.nothing_in_use)
        with transaction.atomic(editor.connection.alias, savepoint=False):
            code(apps, editor)
            if not self._own.is_open:
                # The migration is not atomic, but the operation is.
                self.journal.mark(key)
        if self._own.is_open:
            self._mark_with_transaction(key)

    def recorded(self) -> None:
        """Stop writing. When a migration is taken back, Django records that after the editor."""
        if not self._backwards:
            self._own.call_before_commit(None)

    def close(self, failed: bool) -> None:
        self._ended(failed)


def _stored(call: Call) -> str:
    return WAITED.join([call.key + EARLY * call.early, *filter(None, call.waited)])


def _whole_operations(known: set[str]) -> set[int]:
    if not known:
        return set()
    # Imported here: most runs find nothing that was interrupted.
    from ..execution.journal.whole_operations import numbers

    return {number for key in known for number in numbers(key)}


def _name(made: Any) -> str:
    if made is None or isinstance(made, (set, frozenset, list, tuple)):
        return ""
    name = getattr(made, "name", None)
    return name if isinstance(name, str) else digest(str(made))
