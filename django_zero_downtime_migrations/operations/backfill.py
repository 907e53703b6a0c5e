"""``Backfill``: new values for the rows of a table in use, in batches that hold rows up for moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.migrations.operations.base import Operation
from django.db.models import Q

from .update import update_of


class Backfill(Operation):
    """Give rows of a model other values, as ``QuerySet.update()`` does, a few pages of the table at a time.

    Each batch is committed by itself and takes BACKFILL_BATCH_TIME; a row that somebody else has locked is left for
    later. A run that was ended goes on where it stood, and no row is changed twice. Taking it back does nothing.

    :param model_name: of the migration's app.
    :param values: for each field a value or an expression, as ``QuerySet.update()`` takes them. Expressions of other
        tables stand in a ``Subquery``.
    :param where: which rows. A row that has been changed may not fulfil it any more. It can be left out where no value
        is computed from a field that is changed: then those rows are changed whose values are others.
    :raises ValueError: without values.

    ``Backfill("Order", {"total_cents": F("total") * 100}, where=Q(total_cents=None))``
    """

    reduces_to_sql = True
    reversible = True
    #: Django is to open no transaction around it.
    atomic = False

    def __init__(self, model_name: str, values: Mapping[str, Any], where: Q | None = None) -> None:
        if not values:
            raise ValueError(
                "Backfill needs values: write a field and what it gets, for example "
                'Backfill("Order", {"total_cents": F("total") * 100}, where=Q(total_cents=None)).'
            )
        self.model_name = model_name
        self.values = dict(values)
        self.where = where

    @property
    def model_name_lower(self) -> str:
        return self.model_name.lower()

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        keywords: dict[str, Any] = {"model_name": self.model_name, "values": self.values}
        if self.where is not None:
            keywords["where"] = self.where
        return type(self).__qualname__, [], keywords

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Rows are not in the state."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """With another schema editor than ours it is one UPDATE.

        :raises CannotMigrate: when it would never come to its end, or a field is not one of the model's own table.
        """
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        update = update_of(schema_editor.connection, model, self.values, self.where)
        if update is None:
            return
        own = getattr(schema_editor, "backfill", None)
        if own is None:
            schema_editor.execute(*update.whole)
        else:
            own(model, update)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """What the rows had before is not known any more."""

    def describe(self) -> str:
        return f"Backfill {', '.join(self.values)} of {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"backfill_{self.model_name_lower}_{'_'.join(self.values)}"

    def references_model(self, name: str, app_label: str) -> bool:
        """An expression may lead anywhere."""
        return True
