"""The journals of a run of ``migrate``: those that its migrations write, and those that earlier runs have left."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from ..django_types import Connection, Migration
from ..errors import CannotMigrate
from ..execution.session.questions import in_transaction
from .current_migration import CurrentMigration, is_done, recorded_migrations
from .progress import NothingDone
from .resumed_migration import ResumedMigration
from .run_python_once import digests, finishing, once

if TYPE_CHECKING:
    from ..execution.journal.journal import Journal
    from ..execution.journal.store import Entry, Identity, Store
    from ..execution.kept import Kept
    from ..execution.one_migrate.turn import Turn
    from ..execution.reader import Reader
    from ..execution.transactions import OwnTransaction

logger = logging.getLogger("django_zero_downtime_migrations")


class Journals:
    """The journals that the migrations of a run write, and those that earlier runs have left.

    :param plan: Django's own list of the run's migrations.
    :param turn: the lock that keeps other runs out.
    :param kept: the types that earlier runs have left.
    :param is_new_database: the run began on a database without any table.
    :param under_way: the migrations, by app and name, whose code has begun this run.
    """

    def __init__(
        self,
        connection: Connection,
        plan: list[tuple[Any, bool]],
        turn: Turn,
        kept: Kept,
        is_new_database: bool = False,
        under_way: Collection[tuple[str, str]] = (),
    ) -> None:
        self.connection = connection
        self.plan = plan
        self.turn = turn
        self._kept = kept
        self._is_new_database = is_new_database
        self._outer = under_way
        self.left: list[Entry] = []
        self.current = CurrentMigration(self.plan, self._recorded_names)
        self._open: ResumedMigration | None = None
        #: Recorded migrations whose journals are to be dropped.
        self._over: list[Identity] = []
        #: The digests of the migrations that are taken back, by app and name.
        self.digests: dict[tuple[str, str], tuple[str, ...]] = {}

    @cached_property
    def store(self) -> Store:
        from ..execution.journal.store import Store

        store = Store(self.connection, self._kept)
        store.whole = self._is_new_database
        return store

    def _mark_code(self, migration: Any, backwards: bool) -> None:
        """Have the code of a migration ask whether it has run, and its last operation finish the migration."""
        if backwards:
            # Django swaps the two names of a rename while it is taken back.
            self.digests[migration.app_label, migration.name] = digests(migration, backwards)
        migration.operations = [once(operation) for operation in migration.operations]
        if not backwards:
            # Replaced migrations are recorded as a whole. Another record stands in the transaction that is still open,
            # and in none of its own: a migration that changes the state alone costs one round trip, and not three.
            with_record = bool(migration.replaces)
            migration.operations[-1:] = [finishing(operation, with_record) for operation in migration.operations[-1:]]

    # The journals of earlier runs

    def begin(self, recorded: set[tuple[str, str]]) -> None:
        """Compare the plan with the recorded migrations and with the journals of earlier runs.

        :raises CannotMigrate: when one of these is in the way of this run.
        """
        self._leave_out_what_is_done(recorded)
        if self._kept.types or self._kept.elsewhere:
            self._read(recorded)
        for migration, backwards in self.plan:
            self._mark_code(migration, backwards)

    def _leave_out_what_is_done(self, recorded: set[tuple[str, str]]) -> None:
        """Empty a plan that another run has done: the plan is from before this run got its turn.

        :raises CannotMigrate: when another run has done a part of the plan.
        """
        done = [f"{step[0].app_label}.{step[0].name}" for step in self.plan if is_done(*step, recorded)]
        if done and len(done) == len(self.plan):
            logger.warning("Another migrate has done everything meanwhile: %s.", ", ".join(done))
            self.plan.clear()
        elif done:
            raise CannotMigrate(
                f"Another migrate has done a part of this plan meanwhile ({', '.join(done)}), and has ended. Nothing "
                "was sent. Run migrate again for the rest."
            )

    def _read(self, recorded: set[tuple[str, str]]) -> None:
        """Read the journals of earlier runs, and remove those of migrations that are over.

        :raises CannotMigrate: when an interrupted migration is in the way of this run, or when the catalogue does not
            agree with what it had done.
        """
        wanted = {(migration.app_label, migration.name): (migration, backwards) for migration, backwards in self.plan}
        for entry in self.store.elsewhere():
            if entry.identity[:2] in wanted and not self._is_over(entry.identity, recorded):
                raise self.store.not_here(entry)
        # Imported here and below: most runs find nothing that was interrupted.
        from .interrupted_migration import in_the_way, warn_of_record, ways_on

        over = []
        for entry in self.store.entries():
            app, name, backwards, _ = entry.identity
            migration, direction = wanted.get((app, name), (None, None))
            if (app, name) in self._outer:
                continue
            if self._is_new_database:
                # A journal protects nothing there.
                over.append(entry.identity)
            elif migration is not None and direction == backwards:
                if self._stands(entry, migration):
                    self.left.append(entry)
                else:
                    over.append(entry.identity)
            elif self._is_over(entry.identity, recorded):
                on_disk = self._on_disk.get((app, name))
                if not (entry.whole or (on_disk and on_disk.replaces)):
                    warn_of_record(entry)
                over.append(entry.identity)
            elif app in {app_label for app_label, _ in wanted}:
                raise in_the_way(entry, self._forget(entry.identity))
            else:
                text = "%s was interrupted at %s, and is not part of this run. %s"
                logger.warning(text, entry.identity, entry.since, ways_on(entry, self._forget(entry.identity)))
        self._drop(over, wanted)

    def _stands(self, entry: Entry, migration: Migration) -> bool:
        """Return whether the catalogue has what the journal says; False if it has nothing of that: start over.

        :raises CannotMigrate: when the catalogue has a part of that, or something else.
        """
        if self.digests_differ(entry, migration):
            # The migration is refused for that when its editor opens.
            return True
        from ..execution.journal.agreement import agreement
        from .interrupted_migration import asked_about, disagreement

        found = agreement(self.connection, *asked_about(entry, migration))
        if found.nothing_is_left:
            logger.warning(
                "%s was interrupted at %s, and what it had done has been taken back by hand: beginning from its start.",
                entry.identity,
                entry.since,
            )
            return False
        if found.disagreements:
            raise disagreement(entry, found, self._forget(entry.identity))
        return True

    def digests_differ(self, entry: Entry, migration: Migration) -> bool:
        from .interrupted_migration import changed_operations

        return bool(changed_operations(entry, self._identity(migration, entry.identity.backwards)))

    def _forget(self, identity: Identity) -> str:
        return self.store.drop([identity])

    def _is_over(self, identity: Identity, recorded: set[tuple[str, str]]) -> bool:
        app, name, backwards, _ = identity
        migration = self._on_disk.get((app, name))
        if migration is None:
            return ((app, name) in recorded) != backwards
        return is_done(migration, backwards, recorded)

    @cached_property
    def _on_disk(self) -> dict[tuple[str, str], Any]:
        """The migrations on disk; a killed run has left the journals of all its migrations."""
        found: dict[tuple[str, str], Any] = MigrationLoader(self.connection).disk_migrations
        return found

    def _recorded_names(self) -> set[tuple[str, str]]:
        return set(MigrationRecorder(self.connection).migration_qs.values_list("app", "name"))

    @property
    def interrupted(self) -> frozenset[tuple[str, str]]:
        """The migrations of the plan, by app and name, that an earlier run has begun."""
        return frozenset(entry.identity[:2] for entry in self.left)

    # The editor of a migration

    def open(self, own: OwnTransaction, reader: Reader) -> NothingDone:
        """Begin the journal of the migration whose editor opens.

        :raises CannotMigrate: when the migration has changed since it was interrupted.
        """
        # An editor inside another belongs to a RunPython.
        if self._open is not None or own.of_caller:
            return NothingDone()
        entry = self._entry()
        self._open = resumed = ResumedMigration(
            lambda: self._journal(entry), entry, own, self.current.begins, self.ended, self._takes_back
        )
        reader.write_into(resumed.catch_up, self.turn, keeps=bool(entry and entry.complete))
        return resumed

    def _journal(self, entry: Entry | None) -> Journal:
        # Imported here: on a new database most migrations have nothing to write down.
        from ..execution.journal.journal import Journal

        return Journal(self.store, self._identify, entry)

    @cached_property
    def _takes_back(self) -> bool:
        return any(backwards for _, backwards in self.plan)

    def ended(self, failed: bool) -> None:
        """Note that the editor has ended."""
        resumed, self._open = self._open, None
        if resumed is not None and resumed.is_written and not failed:
            self._over.append(resumed.journal.identity)

    @property
    def under_way(self) -> tuple[str, str] | None:
        """The migration whose editor is open and has a journal, by app and name."""
        return self._open.journal.identity[:2] if self._open is not None and self._open.is_written else None

    def _entry(self) -> Entry | None:
        if not self.left:
            return None
        self.current.asked_before()
        identity = self._identify()
        for entry in self.left:
            if entry.identity[:3] == identity[:3]:
                from .interrupted_migration import refuse_changed

                refuse_changed(entry, identity, self._forget(identity))
                logger.warning("%s was interrupted at %s: going on with it.", identity, entry.since)
                return entry
        return None

    def _identify(self) -> Identity:
        return self._identity(*self.current.migration())

    def _identity(self, migration: Migration, backwards: bool) -> Identity:
        from ..execution.journal.store import Identity

        app, name = migration.app_label, migration.name
        return Identity(app, name, backwards, self.digests.get((app, name)) or digests(migration, backwards))

    # The end of the run

    def close(self, complete: bool) -> None:
        """End the run; ``complete`` means that every migration of the plan is recorded."""
        last = ""
        try:
            over = [*self._over, *(entry.identity for entry in self.left)]
            if over and _usable(self.connection):
                recorded = set() if complete else recorded_migrations(self.connection)
                plan = {(migration.app_label, migration.name): migration for migration, _ in self.plan}
                gone = [x for x in over if complete or is_done(plan[x[:2]], x.backwards, recorded)]
                drop = self.store.drop if in_transaction(self.connection) else self.store.dropping
                last = drop(gone) if gone else ""
            self.turn.release(last)
        except DatabaseError as error:
            logger.warning("The journal could not be cleared (%s); the next migrate will.", error)
            self.turn.release()

    def _drop(self, over: list[Identity], wanted: Collection[tuple[str, str]]) -> None:
        """Drop journals that are over.

        :raises CannotMigrate: when an old journal is in the way of one of the ``wanted`` migrations (app and name).
        """
        for identity, why in (self.store.remove(over) if over else {}).items():
            text = (
                f"The journal of {identity} is over, and cannot be dropped ({why}): drop what others have made of it, "
            )
            text += f"or all of it ({self._forget(identity)} CASCADE)"
            if identity[:2] in wanted:
                raise CannotMigrate(f"{text}, and migrate again. Nothing was changed.")
            logger.warning("%s. Until then it does no harm.", text)


def _usable(connection: Connection) -> bool:
    return connection.connection is not None and not connection.connection.closed and connection.is_usable()
