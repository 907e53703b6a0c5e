"""``ReplaceField``: a field with another name and type takes the place of one that old code still uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED, Q

from ..django_types import AnyEditor, Connection, Field, ProjectState
from ..migrate_run.replacements import Replacement, compiled
from .update import update_of


class ReplaceField(Operation):
    """Replace a field of a model with another one, whose values are computed from it.

    On a table in use, with EXPAND_CONTRACT or in an ``Expand``, the new column is added beside the old one, a trigger
    keeps the two equal in both directions, existing rows are filled in batches, and the old column is owed.
    On a table out of use, and with another engine, the column is replaced at once.

    :param model_name: the model, in the migration's app.
    :param old_name: the name of the field that is removed.
    :param new_name: the name of the field that is added.
    :param field: the field that is added.
    :param forwards: the new field's value, an expression of the old field.
    :param backwards: the old field's value, an expression of the new field, for old code that reads rows of new code,
        and for taking the operation back.
    :raises ValueError: if one of the expressions is missing, or the field cannot be filled from another one.

    ``ReplaceField("Order", "total", "cents", models.BigIntegerField(), F("total") * 100, F("cents") / 100)``
    """

    def __init__(
        self, model_name: str, old_name: str, new_name: str, field: Field, forwards: Any, backwards: Any
    ) -> None:
        what = f"ReplaceField({model_name!r}, {old_name!r}, {new_name!r})"
        if old_name == new_name:
            raise ValueError(
                f"{what} needs another name for the new field: an AlterField changes one that keeps its name."
            )
        if not all(hasattr(x, "resolve_expression") for x in (forwards, backwards)):
            raise ValueError(
                f"{what} needs expressions for both ways, as forwards=F({old_name!r}) * 100, "
                f"backwards=F({new_name!r}) / 100: old code reads what new code has written."
            )
        of_database = getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED or getattr(
            field, "generated", False
        )
        if of_database or field.primary_key or field.many_to_many:
            raise ValueError(
                f"{what}: the new field gets its values from the old one, so it can be no primary key and no "
                "ManyToManyField, and the database may give it no value of its own (db_default, GeneratedField)."
            )
        self.model_name, self.old_name, self.new_name = model_name, old_name, new_name
        self.field, self.forwards, self.backwards = field, forwards, backwards

    @property
    def model_name_lower(self) -> str:
        return self.model_name.lower()

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        names = ("model_name", "old_name", "new_name", "field", "forwards", "backwards")
        return type(self).__qualname__, [], {name: getattr(self, name) for name in names}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.remove_field(app_label, self.model_name_lower, self.old_name)
        state.add_field(app_label, self.model_name_lower, self.new_name, self.field, True)

    def database_forwards(
        self, app_label: str, schema_editor: AnyEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Replace the field, beside the old one or at once.

        :raises CannotMigrate: if an expression reads anything else, or the table is in use and the setting is off.
        """
        editor: Any = schema_editor
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(editor.connection.alias, model):
            there, back = self.replacements(app_label, editor.connection, from_state, to_state)
            if hasattr(editor, "replace_field"):
                editor.replace_field(there, back)
            else:
                there.at_once(editor)

    def database_backwards(
        self, app_label: str, schema_editor: AnyEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        editor: Any = schema_editor
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(editor.connection.alias, model):
            there, back = self.replacements(app_label, editor.connection, to_state, from_state)
            if hasattr(editor, "replace_field_back"):
                editor.replace_field_back(there, back)
            else:
                back.at_once(editor)

    def replacements(
        self, app_label: str, connection: Connection, before: ProjectState, after: ProjectState
    ) -> tuple[Replacement, Replacement]:
        """Return the replacement of the old field by the new one, and the reverse one.

        :param before: the state before the operation.
        :param after: the state after it.
        """
        names = (self.old_name, self.new_name)
        there = self._replacement(app_label, connection, before, after, names, self.forwards)
        back = self._replacement(app_label, connection, after, before, names[::-1], self.backwards)
        return there, back

    def _replacement(
        self,
        app_label: str,
        connection: Connection,
        before: ProjectState,
        after: ProjectState,
        names: tuple[str, str],
        expression: Any,
    ) -> Replacement:
        old, new = names
        model: Any = before.apps.get_model(app_label, self.model_name)
        final: Any = after.apps.get_model(app_label, self.model_name)._meta.get_field(new)
        value = compiled(connection, model, old, new, expression)
        both = before.clone()
        loose = final.clone()
        loose.null, loose.default = True, NOT_PROVIDED
        both.add_field(app_label, self.model_name_lower, new, loose, True)
        beside: Any = both.apps.get_model(app_label, self.model_name)
        fill = update_of(connection, beside, {new: expression}, Q(**{f"{new}__isnull": True}))
        old_field, loose_field = model._meta.get_field(old), beside._meta.get_field(new)
        return Replacement(model, beside, old_field, loose_field, final, value, fill)

    def describe(self) -> str:
        return f"Replace field {self.old_name} on {self.model_name} by {self.new_name}"

    @property
    def migration_name_fragment(self) -> str:
        return f"replace_{self.model_name_lower}_{self.old_name.lower()}_{self.new_name.lower()}"

    def references_model(self, name: str, app_label: str) -> bool:
        """Return True: the field may point to any model."""
        return True
