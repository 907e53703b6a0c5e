"""``SafetyAssured``: the author of a migration has looked at its findings and accepts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation

from ..django_types import ProjectState
from ..log import logger


class SafetyAssured(Operation):
    """Run ``operations`` without refusing or warning for what the rules find in them; the reason is logged.

    :param operations: the accepted operations.
    :param reason: the reason why they are safe here, for later readers of the migration. It must not be empty.
    :raises ValueError: without a reason.

    ``SafetyAssured([migrations.RenameField("order", "sum", "total")], reason="the shop is closed on Sunday night")``
    """

    serialization_expand_args = ["operations"]  # noqa: RUF012 (the name and shape are Django's)

    def __init__(self, operations: Sequence[Operation], reason: str) -> None:
        if not str(reason).strip():
            raise ValueError(
                "SafetyAssured needs a reason: write why these operations are safe on the live database, "
                'for example SafetyAssured([…], reason="the table is empty").'
            )
        self.operations = list(operations)
        self.reason = reason

    @property
    def reversible(self) -> bool:  # type: ignore[override]
        return all(operation.reversible for operation in self.operations)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__qualname__, [], {"operations": self.operations, "reason": self.reason}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        with self._assured(schema_editor):
            migration = self._as_migration(app_label, schema_editor)
            migration.apply(from_state.clone(), schema_editor, collect_sql=schema_editor.collect_sql)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        with self._assured(schema_editor):
            migration = self._as_migration(app_label, schema_editor)
            migration.unapply(to_state.clone(), schema_editor, collect_sql=schema_editor.collect_sql)

    def _as_migration(self, app_label: str, schema_editor: Any) -> Migration:
        """Return a migration that runs the operations in Django's own loop, with its states, its rule for RunPython's
        transaction, and its comments in a script, which leaves out a RunPython among them, but not its neighbours.
        """
        values = {"operations": self.operations, "atomic": _atomic(schema_editor), "part_of_operation": True}
        migration: Migration = type("Migration", (Migration,), values)("safety_assured", app_label)
        return migration

    @contextmanager
    def _assured(self, schema_editor: Any) -> Iterator[None]:
        """Accept the findings of the block; with another database's editor there are none."""
        assured = getattr(schema_editor, "assured", None)
        if assured is None:
            yield
            return
        before = len(schema_editor.findings)
        with assured(self.reason):
            yield
        if len(schema_editor.findings) == before:
            logger.info("SafetyAssured was not needed (%s): no rule found anything", self.reason)

    def describe(self) -> str:
        return f"Safety assured ({self.reason}): {', '.join(x.describe() for x in self.operations)}"

    @property
    def migration_name_fragment(self) -> str | None:  # type: ignore[override]
        return self.operations[0].migration_name_fragment if self.operations else None

    def references_model(self, name: str, app_label: str) -> bool:
        return any(operation.references_model(name, app_label) for operation in self.operations)

    def references_field(self, model_name: str, name: str, app_label: str) -> bool:
        return any(operation.references_field(model_name, name, app_label) for operation in self.operations)


def _atomic(schema_editor: Any) -> bool:
    """Return whether the migration is atomic; Django's own editor knows that only if DDL can be rolled back."""
    wanted = getattr(schema_editor, "atomic_wanted", None)
    if wanted is None:
        return bool(schema_editor.atomic_migration or not schema_editor.connection.features.can_rollback_ddl)
    return bool(wanted)
