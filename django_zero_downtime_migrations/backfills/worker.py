"""``manage.py backfills --run``: the work that migrations have left for later, from their files."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TextIO

from django.db.migrations.loader import MigrationLoader
from django.db.utils import ProgrammingError

from ..django_types import Connection
from ..errors import MigrationError, explain, without_traceback
from ..execution.batches.position import Caller, Whose
from ..execution.batches.records import Backfills, KeptBackfill
from ..execution.one_migrate.one_at_a_time import try_turn
from ..execution.session.interrupt import terminable
from ..execution.session.pooler import refuse_statement_pooler
from ..execution.session.stay import stay
from ..operations import Backfill
from ..printable import printable

#: How often the worker asks whether anything is still owed.
ASK_EVERY_SECONDS = 1.0


class Worker:
    """The worker.

    :param say: gets a line for the person at the terminal.
    :param stream: shows a line of progress if it can.
    :ivar elsewhere: what other workers are running, in words.
    :ivar unready: what is owed by migrations that are not complete, in words.
    """

    def __init__(self, connection: Connection, say: Callable[[str], None], stream: TextIO | None = None) -> None:
        self.connection = connection
        self.say = say
        self.stream = stream
        self.backfills = Backfills(connection)
        self.elsewhere: list[str] = []
        self.unready: list[str] = []
        # The migrations replaced by a squashed one are loaded too: a debt belongs to the migration that ran.
        self._loader = MigrationLoader(connection, replace_migrations=False)

    def run(self) -> None:
        """Do what is owed, in the order of the migrations.

        :raises MigrationError: when one cannot be done; those before it are.
        """
        refuse_statement_pooler(self.connection)
        owed = sorted(self.backfills.owed(), key=self._order)
        if not owed:
            self.say("Nothing is owed.")
        for entry in owed:
            turn, holder = try_turn(self.connection, self.backfills.place(entry))
            try:
                if holder is None:
                    self._do(entry)
                else:
                    self.elsewhere.append(f"{entry.id} is run by {holder.who}. To end that: {holder.end}")
            finally:
                turn.release()

    def _order(self, entry: KeptBackfill) -> tuple[int, str, int]:
        whose = entry.whose
        key = (whose.app, whose.migration) if whose else ("", "")
        known = key in self._loader.graph.nodes
        return (len(self._loader.graph.forwards_plan(key)) if known else 0, entry.id, whose.operation if whose else 0)

    def _do(self, entry: KeptBackfill) -> None:
        self.backfills.again()
        if all(other.type_name != entry.type_name for other in self.backfills.owed()):
            # Another worker has done it, or its migration is taken back.
            return
        if entry.whose and entry.whose[:2] not in self._loader.applied_migrations:
            self.unready.append(
                f"{entry.id} is owed, and its migration is not through: run migrate, which goes on with it."
            )
            return
        whose, operation, apps = self._found(entry)
        began = time.monotonic()
        try:
            with terminable():
                rows = operation.run_later(self.connection, whose.app, apps, Caller(whose, self.stream, later=True))
        except ProgrammingError as error:
            explain(error, _OTHER_TABLES.format(entry.id))
            if operation.each is None:
                without_traceback(error)
            raise
        took = time.monotonic() - began
        self.say(f"{entry.id}: {rows} rows of {printable(entry.table)} changed, {took:.0f} s in this run.")
        if why := self.backfills.finish(entry):
            self.say(
                f"{entry.id} is done, and {self.backfills.kept.path(entry.type_name)} stays ({why}): it does no harm."
            )

    def _found(self, entry: KeptBackfill) -> tuple[Whose, Backfill, Any]:
        """Return its operation, and the apps of the state before that.

        :raises MigrationError: when the file has it no longer.
        """
        whose = entry.whose
        migration = self._loader.disk_migrations.get((whose.app, whose.migration)) if whose else None
        if whose is None or migration is None:
            raise MigrationError(
                f"{entry.id} is owed, and no migration of that name is there. {_WAYS.format(entry.id)}"
            )
        operations = migration.operations
        operation = operations[whose.operation] if whose.operation < len(operations) else None
        if not isinstance(operation, Backfill) or not operation.later:
            raise MigrationError(
                f"{entry.id} is owed, and that operation is not a Backfill(later=True) any more. "
                f"{_WAYS.format(entry.id)}"
            )
        state = self._loader.project_state((whose.app, whose.migration), at_end=False)
        for before in operations[: whose.operation]:
            before.state_forwards(whose.app, state)
        return whose, operation, state.apps

    def wait(self, seconds: float | None) -> list[KeptBackfill]:
        """Wait until nothing is owed. Return what is still owed when the time is over.

        :param seconds: None for no limit.
        """
        began = time.monotonic()
        while owed := self.backfills.owed():
            left = None if seconds is None else seconds - (time.monotonic() - began)
            if left is not None and left <= 0:
                return owed
            stay(self.connection, ASK_EVERY_SECONDS if left is None else min(ASK_EVERY_SECONDS, left))
            self.backfills.again()
        return []


_WAYS = "Put the file back as it was, or give the backfill up: manage.py backfills --abandon {}"
_OTHER_TABLES = (
    "The rows are changed as the tables were when the migration of {0} ran. If a later one has changed them since, "
    "change the rows in a new migration, and give this up: manage.py backfills --abandon {0}. EnsureBackfilled before "
    "the later one would have kept it waiting."
)
