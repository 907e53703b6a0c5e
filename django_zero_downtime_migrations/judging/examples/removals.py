"""Safe replacements for a removal, as Python: Django forgets it first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

from ...django_types import Field
from ...places import Place
from .example_text import block, same, with_changes


def forgotten_field(operation: migrations.RemoveField, place: Place, app: str) -> str:
    model, name = operation.model_name, operation.name
    field = place.from_state.apps.get_model(app, model)._meta.get_field(name)
    loose = _loose(field.clone(), insert=True)
    first = [] if same(field, loose) else [migrations.AlterField(model, name, loose)]
    return _in_two_releases(operation, migrations.AddField(model, name, loose), first)


def forgotten_model(operation: migrations.DeleteModel, place: Place, app: str) -> str:
    known = place.from_state.models[app, operation.name_lower]
    options = {name: value for name, value in known.options.items() if value}
    fields = {name: _loose(field.clone(), insert=False) for name, field in known.fields.items()}
    first = [
        migrations.AlterField(known.name, name, fields[name])
        for name, field in known.fields.items()
        if not same(field, fields[name])
    ]
    again = migrations.CreateModel(known.name, list(fields.items()), options, known.bases)
    return _in_two_releases(operation, again, first)


def _loose(field: Field, insert: bool) -> Any:
    """Return a field as code that does not know it needs it: that code deletes what it points to.

    :param insert: that code also inserts rows without it.
    """
    changes: dict[str, Any] = {}
    if field.remote_field and getattr(field, "db_constraint", getattr(field.remote_field, "db_constraint", False)):
        changes["db_constraint"] = False
    has_default = getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED
    by_server = has_default or getattr(field, "generated", False) or field.many_to_many
    if insert and not field.null and not by_server and not field.primary_key:
        changes["null"] = True
    return with_changes(field, **changes) if changes else field


def _in_two_releases(operation: Operation, again: Operation, first: Iterable[Operation]) -> str:
    forget = migrations.SeparateDatabaseAndState(state_operations=[operation])
    known = migrations.SeparateDatabaseAndState(state_operations=[again])
    before = list(first)
    parts = [block(*before, title="1. so that new code can do without it")] if before else []
    return "\n".join(
        (
            *parts,
            block(forget, title=f"{len(parts) + 1}. with the release that does not use it any more"),
            block(known, operation, title=f"{len(parts) + 2}. in the next release"),
        )
    )


def apart(operation: migrations.SeparateDatabaseAndState, place: Place, app: str) -> str:
    """Return migrations that forget a field once new code can do without it. Other operations have no example."""
    removed = operation.state_operations[0]
    if len(operation.state_operations) != 1 or not isinstance(removed, migrations.RemoveField):
        return ""
    field = place.from_state.apps.get_model(app, removed.model_name)._meta.get_field(removed.name)
    loose = migrations.AlterField(removed.model_name, removed.name, _loose(field.clone(), insert=True))
    return block(loose, operation)
