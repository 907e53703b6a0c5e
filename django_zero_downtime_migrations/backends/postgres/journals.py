"""A run of ``migrate`` with IDEMPOTENT_SQL: it has the database for itself, and knows what earlier runs have left."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.db import DatabaseError, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from ...errors import CannotMigrate
from ...execution.journal import NAME, Entry, Identity, Journal, Table, read_steps
from ...execution.one_at_a_time import Turn
from ...execution.run import Runner
from ...execution.transactions import OwnTransaction
from ...execution.undo import joined
from ...settings import MigrationSettings
from .calls import Fresh
from .new_tables import NewTables
from .once import digests, finishing, once
from .resume import END, Resume

logger = logging.getLogger("django_zero_downtime_migrations")
Steps = Sequence[tuple[Any, bool]]


def prepare(connection: Any, run: NewTables) -> None:
    """For a run that begins.

    :raises CannotMigrate: when another one is at work for longer than MIGRATE_LOCK_TIMEOUT. What else stops the run is
        kept for its first editor: ``--fake`` has none.
    """
    settings = MigrationSettings.load(connection.alias)
    turn = Turn.take(connection, settings.migrate_lock_timeout, settings.show_blocking_queries)
    try:
        journals = Journals(connection, run, turn)
        journals.leave_out_what_is_done()
        journals.read()
    except CannotMigrate as error:
        turn.release()
        run.refused = error
        return
    except BaseException:
        turn.release()
        raise
    run.journals = journals
    for migration, backwards in run.plan:
        if backwards:
            # What renames has its two names swapped while it is taken back.
            journals.digests[migration.app_label, migration.name] = digests(migration, backwards)
        migration.operations = [once(operation) for operation in migration.operations]
        if not backwards and (migration.replaces or run.everything(connection)):
            # What it replaces is recorded as a whole. On a new database so is the migration with its tables: one
            # transaction, and nothing to write down.
            migration.operations[-1:] = map(finishing, migration.operations[-1:])


class Journals:
    """:param run: whose migrations write down what they do. :param turn: keeps other runs out."""

    def __init__(self, connection: Any, run: NewTables, turn: Turn) -> None:
        self.connection = connection
        self.run = run
        self.plan: Steps = run.plan
        self.turn = turn
        self.left: list[Entry] = []
        self._open = False
        #: Of the migrations that are taken back.
        self.digests: dict[tuple[str, str], tuple[str, ...]] = {}

    @cached_property
    def table(self) -> Table:
        return Table(self.connection)

    def leave_out_what_is_done(self) -> None:
        """The plan is from before this run got its turn, and another one may have had the same.

        :raises CannotMigrate: when that has done a part of it.
        """
        recorded = self._recorded() if self.plan else set()
        done = [str(self._identity(*step)) for step in self.plan if _is_done(*step, recorded)]
        if done and len(done) == len(self.plan):
            logger.warning("Another migrate has done everything meanwhile: %s.", ", ".join(done))
            self.run.plan.clear()
        elif done:
            raise CannotMigrate(
                f"Another migrate has done a part of this plan meanwhile ({', '.join(done)}), and has ended. Nothing "
                "was sent. Run migrate again for the rest."
            )

    def read(self) -> None:
        """What earlier runs have left; what they only did not come to remove goes.

        :raises CannotMigrate: when an interrupted migration is in the way of this run.
        """
        # A new database has nothing to protect.
        entries = [] if self.run.everything(self.connection) else self.table.entries()
        if not entries:
            return
        wanted = {(migration.app_label, migration.name): backwards for migration, backwards in self.plan}
        recorded = self._recorded()
        over = []
        for entry in entries:
            app, name, backwards, _ = entry.identity
            if wanted.get((app, name)) == backwards:
                self.left.append(entry)
            elif self._is_over(entry.identity, recorded):
                over.append(entry.identity)
            elif app in {app_label for app_label, _ in wanted}:
                raise _in_the_way(entry)
            else:
                logger.warning("%s was interrupted at %s, and is not part of this run.", entry.identity, entry.since)
        self.table.remove(over)

    def _is_over(self, identity: Identity, recorded: set[tuple[str, str]]) -> bool:
        app, name, backwards, _ = identity
        migration = MigrationLoader(self.connection).disk_migrations.get((app, name))
        if migration is None:
            return ((app, name) in recorded) != backwards
        return _is_done(migration, backwards, recorded)

    def _recorded(self) -> set[tuple[str, str]]:
        recorder = MigrationRecorder(self.connection)
        return set(recorder.applied_migrations()) if recorder.has_table() else set()

    def open(self, own: OwnTransaction, runner: Runner) -> Fresh:
        """For an editor.

        :raises CannotMigrate: when the migration has changed since it was interrupted.
        """
        # An editor inside another belongs to a RunPython.
        if self._open or own.of_caller:
            return Fresh()
        journal = Journal(self.table, self._identify, self._entry())
        self._open = True
        runner.journal, runner.turn = journal, self.turn
        # What an earlier run has done stays when a later call fails.
        runner.keeps = bool(journal.complete)
        own.before_commit = runner.say
        return Resume(journal, own, self)

    @property
    def interrupted(self) -> frozenset[tuple[str, str]]:
        """Migrations of the plan, by app and name, that an earlier run has begun."""
        return frozenset(entry.identity[:2] for entry in self.left)

    def ended(self) -> None:
        """The editor has."""
        self._open = False

    def _entry(self) -> Entry | None:
        if not self.left:
            return None
        identity = self._identify()
        for entry in self.left:
            if entry.identity[:3] == identity[:3]:
                _refuse_changed(entry, identity)
                logger.warning("%s was interrupted at %s: going on with it.", identity, entry.since)
                return entry
        return None

    def _identify(self) -> Identity:
        """The migration that Django is running, or about to: the first of the plan that is not recorded."""
        recorded = set(MigrationRecorder(self.connection).migration_qs.values_list("app", "name"))
        for step in self.plan:
            if not _is_done(*step, recorded):
                return self._identity(*step)
        raise CannotMigrate(
            "Every migration of this run is recorded already, by somebody else. Run migrate again; nothing was changed."
        )

    def close(self, complete: bool) -> None:
        """At the end of the run. :param complete: every migration of the plan is recorded."""
        if "table" in vars(self) and self.table.exists and _usable(self.connection):
            try:
                with transaction.atomic(self.connection.alias, savepoint=False):
                    self.table.remove(self._over(complete))
            except DatabaseError as error:
                logger.warning("The journal could not be cleared (%s); the next migrate will.", error)
        self.turn.release()

    def _over(self, complete: bool) -> list[Identity]:
        recorded = set() if complete else self._recorded()
        return [self._identity(*step) for step in self.plan if complete or _is_done(*step, recorded)]

    def _identity(self, migration: Any, backwards: bool) -> Identity:
        app, name = migration.app_label, migration.name
        return Identity(app, name, backwards, self.digests.get((app, name)) or digests(migration, backwards))


def _is_done(migration: Any, backwards: bool, recorded: set[tuple[str, str]]) -> bool:
    names = migration.replaces or [(migration.app_label, migration.name)]
    return all(tuple(name) in recorded for name in names) != backwards


def _refuse_changed(entry: Entry, identity: Identity) -> None:
    """:raises CannotMigrate: when an operation has changed that has been carried out, or begun."""
    places = [key.partition(".")[0] for key in (*entry.complete, entry.call) if key]
    at_end = any(place.startswith(END) for place in places)
    last = len(identity.code) if at_end else max((int(x) + 1 for x in places if x.isdigit()), default=0)
    before, now = entry.identity.code, identity.code
    changed = [str(number + 1) for number in range(last) if before[number : number + 1] != now[number : number + 1]]
    if not changed:
        return
    rest = joined(read_steps(entry)[entry.done :]) if entry.call else "none of them is half done"
    raise CannotMigrate(
        f"{identity} was interrupted at {entry.since}. Its operations had been carried out, or begun, up to number "
        f"{last}, and have been changed since ({', '.join(changed)}). Put them back as they were and migrate again. Or "
        f"finish by hand what had been begun ({rest}), and forget the interrupted run: DELETE FROM {NAME} "
        f"WHERE app = '{identity.app}' AND name = '{identity.name}'. Nothing was changed."
    )


def _in_the_way(entry: Entry) -> CannotMigrate:
    app, name, backwards, _ = entry.identity
    way = f"repeat the migrate {app} that was interrupted" if backwards else f"migrate {app} {name}"
    return CannotMigrate(
        f"{entry.identity} was interrupted at {entry.since}, and is not part of this run: what it has done so far "
        f"would be in the way. Finish it first: {way}. Nothing was changed."
    )


def _usable(connection: Any) -> bool:
    return connection.connection is not None and not connection.connection.closed and connection.is_usable()
