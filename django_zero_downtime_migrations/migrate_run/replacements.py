"""A field that takes the place of another one, and the SQL that computes its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.exceptions import FieldError
from django.db.models import Subquery
from django.db.models.expressions import Col, RawSQL

from ..django_types import AnyEditor, Connection, Field, Model
from ..errors import CannotMigrate


class Replacement(NamedTuple):
    """The replacement of one field by another.

    :param before: the model with the old field alone.
    :param both: the model with both fields; the new one takes NULL.
    :param old: the field that is removed.
    :param loose: the field that is added, while it takes NULL.
    :param new: the field that is added, in its final form.
    :param value: SQL of the new value, from the old one of the record "new", with its parameters.
    :param fill: an ``operations.update.Compiled`` of rows without a value; None for no rows.
    """

    before: Model
    both: Model
    old: Field
    loose: Field
    new: Field
    value: tuple[str, Sequence[Any]]
    fill: Any

    def at_once(self, editor: AnyEditor) -> None:
        """Replace the field in one go: no code uses the old one, or the schema editor is not this package's."""
        editor.add_field(self.before, self.loose)
        self.fill_rows(editor)
        editor.alter_field(self.both, self.loose, self.new)
        editor.remove_field(self.both, self.old)

    def fill_rows(self, editor: Any) -> None:
        """Give a value to the rows without one."""
        if self.fill is None:
            return
        if hasattr(editor, "backfill"):
            editor.backfill(self.both, self.fill)
        else:
            editor.execute(*self.fill.whole)
            if editor.connection.vendor == "postgresql":
                # As Django itself does it: a table cannot be altered while checks of its rows are deferred.
                editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def compiled(
    connection: Connection, model: Model, reads: str, gives: str, expression: Any
) -> tuple[str, Sequence[Any]]:
    """Return the SQL of an expression that reads a field of the record "new" of a trigger, and its parameters.

    :param model: the model of the field.
    :param reads: the name of the field.
    :param gives: the name of the computed field.
    :raises CannotMigrate: if the expression reads anything but the field.
    """
    what = f"ReplaceField of {model._meta.label}: the value of {gives!r}"
    query: Any = model._base_manager.using(connection.alias).order_by().query
    try:
        resolved = expression.resolve_expression(query, allow_joins=False)
    except FieldError as error:
        raise CannotMigrate(f"{what} cannot be computed: {error}. Nothing was sent.") from error
    inner = list(resolved.flatten())
    others = sorted({x.target.name for x in inner if isinstance(x, Col)} - {reads})
    beyond = [type(x).__name__ for x in inner if isinstance(x, (Subquery, RawSQL)) or _looks_at_rows(x)]
    if others or beyond:
        raise CannotMigrate(
            f"{what} is computed for one row, from {reads!r} alone: {', '.join([*others, *beyond])} cannot stand in "
            "it. Nothing was sent. Replace the field by hand where it needs more."
        )
    new = resolved.relabeled_clone({model._meta.db_table: "new"})
    sql, params = query.get_compiler(connection=connection).compile(new)
    return sql, params


def _looks_at_rows(expression: Any) -> bool:
    return bool(getattr(expression, "contains_aggregate", False) or getattr(expression, "contains_over_clause", False))
