"""``EnsureBackfilled``: the operations after it need rows that a backfill changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.migrations.exceptions import AmbiguityError
from django.db.migrations.operations.base import Operation

from ..errors import CannotMigrate


class EnsureBackfilled(Operation):
    """Stop the migration until the backfills that another migration has left for later are done.

    :param app_label: the app of the other migration.
    :param migration_name: its name, or the beginning of it.

    ``EnsureBackfilled("shop", "0007")``
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, app_label: str, migration_name: str) -> None:
        self.app_label = app_label
        self.migration_name = migration_name

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__qualname__, [self.app_label, self.migration_name], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing: rows are not in the state."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Check the backfills; with another package's schema editor none is left for later.

        :raises CannotMigrate: when a backfill of the migration is owed, or unless exactly one name begins so.
        """
        owed = getattr(schema_editor, "still_owed", None)
        if owed is None:
            return
        migration = self._migration()
        numbers = [number for number, each in enumerate(migration.operations) if getattr(each, "later", False)]
        if found := owed(self.app_label, migration.name, numbers):
            raise CannotMigrate(
                f"{', '.join(found)} is owed: rows that this migration needs are not changed yet. Nothing from here on "
                "was applied. Run manage.py backfills --run, and migrate again when it is through (manage.py backfills "
                "--wait returns then)."
            )

    def _migration(self) -> Any:
        # Imported here, since it imports every migration of the project.
        from django.db.migrations.loader import MigrationLoader

        loader = MigrationLoader(None, replace_migrations=False, ignore_no_migrations=True)
        try:
            return loader.get_migration_by_prefix(self.app_label, self.migration_name)
        except (AmbiguityError, KeyError) as error:
            raise CannotMigrate(
                f"EnsureBackfilled({self.app_label!r}, {self.migration_name!r}): there is not one migration whose name "
                "begins so. Write its whole name."
            ) from error

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Change nothing: nothing was done."""

    def describe(self) -> str:
        return f"Ensure that {self.app_label}.{self.migration_name} is backfilled"

    @property
    def migration_name_fragment(self) -> str:
        return f"ensure_{self.app_label}_{self.migration_name}_backfilled"
