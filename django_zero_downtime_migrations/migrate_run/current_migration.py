"""The migration of its plan that a run of ``migrate`` is at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.migrations.recorder import MigrationRecorder

from ..django_types import Connection, Migration, Steps
from ..errors import CannotMigrate


class CurrentMigration:
    """The migration of a plan that Django is running.

    Django tells it only by the order: each migration of the plan that is not faked has an editor, whose first operation
    shows that the migration is running. If one may be faked, as ``--fake-initial`` does, the records tell.

    :param recorded: asks which migrations are recorded.
    """

    def __init__(self, plan: Steps, recorded: Callable[[], set[tuple[str, str]]]) -> None:
        self._plan = plan
        self._recorded = recorded
        self._at = -1
        self._is_sure = True
        #: Whether the next migration has been asked for before its first operation.
        self._is_next = False

    def begins(self) -> None:
        """Note that the first operation of a migration begins."""
        if self._is_next:
            self._is_next = False
            return
        self._at += 1
        while self._at < len(self._plan) and not self._plan[self._at][0].operations:
            # Such a migration has no operation that could begin.
            self._at += 1
        self._is_sure = self._is_sure and self._at < len(self._plan) and not _may_be_faked(*self._plan[self._at])

    def asked_before(self) -> None:
        """Note that the migration is asked for before its first operation."""
        self._is_sure, self._is_next = False, True

    def migration(self) -> tuple[Any, bool]:
        """Return the migration, and whether it is taken back.

        :raises CannotMigrate: when every migration is recorded already.
        """
        if not self._is_sure:
            recorded = self._recorded()
            self._at = next((at for at, step in enumerate(self._plan) if not is_done(*step, recorded)), len(self._plan))
            self._is_sure = True
        if self._at >= len(self._plan):
            raise CannotMigrate(
                "Every migration of this run is recorded already, by another one. Run migrate again; nothing was "
                "changed."
            )
        return self._plan[self._at]


def _may_be_faked(migration: Migration, backwards: bool) -> bool:
    if backwards or migration.initial is False:
        return False
    return migration.initial or all(app != migration.app_label for app, _ in migration.dependencies)


def is_done(migration: Migration, backwards: bool, recorded: set[tuple[str, str]]) -> bool:
    names = migration.replaces or [(migration.app_label, migration.name)]
    return all(tuple(name) in recorded for name in names) != backwards


def recorded_migrations(connection: Connection) -> set[tuple[str, str]]:
    """Return the recorded migrations, by app and name; none if they have no table yet."""
    recorder = MigrationRecorder(connection)
    return set(recorder.applied_migrations()) if recorder.has_table() else set()
