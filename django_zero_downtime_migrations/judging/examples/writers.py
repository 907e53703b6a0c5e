"""Safe replacements, as Python for the very model and field of a finding.

Old and new code run side by side between two of the migrations that are shown. The migrations must not give a row a
value that was not written: the copy of a column leaves no default in the new one, and NOT NULL comes without one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.utils import resolve_relation
from django.db.models import NOT_PROVIDED

from ...compat import has_db_default
from ...django_types import Field, ProjectState
from ...findings import Finding
from ...operation_facts import Loses, loses
from ...places import Place
from .example_text import block, fill, fill_each, fill_every_row, same, value, with_changes, written
from .removals import apart, forgotten_field, forgotten_model

Example = Callable[[Any, Place, str], str]

#: A placeholder for a value that only the author knows; pasted as it is, it is an error before anything is written.
UNKNOWN = "value_of_older_rows"
WRITTEN = "2. when all code that runs writes the column: fill the rows that are older"
TEXTS = (models.CharField, models.TextField)
NUMBERS = (models.IntegerField, models.FloatField, models.DecimalField)
#: Arguments of a field that give a row a value which the code did not write.
BY_ITSELF: dict[str, Any] = dict.fromkeys(("default", "db_default", "auto_now", "auto_now_add", "blank"))


def example(finding: Finding, place: Place | None, app: str) -> str:
    """Return an example; empty if there is nothing to paste.

    :param app: the label of the migration's app.
    """
    if place is None:
        return ""
    write = WRITERS.get(finding.code, {}).get(loses(place.operation))
    if write is None:
        return ""
    try:
        return write(place.operation, place, app).rstrip("\n")
    except Exception:  # another package's field may be one that a migration cannot write
        return ""


def _not_null(operation: migrations.AddField, place: Place, app: str) -> str:
    field, default = operation.field, operation.field.default
    if field.primary_key:
        return ""
    if has_db_default and default is not NOT_PROVIDED and not callable(default) and not field.unique:
        kept = with_changes(field, default=None, db_default=default)
        return block(migrations.AddField(operation.model_name, operation.name, kept))
    return _in_steps(operation, with_changes(field, **BY_ITSELF, null=True), with_changes(field, null=True), app)


def _in_steps(operation: migrations.AddField, added: Field, kept: Field, app: str) -> str:
    """Return three migrations that add a column.

    :param added: its field as it is added: the existing rows get NULL.
    :param kept: the field that the new code has, which may have a default for new rows.
    """
    model, name, field = operation.model_name, operation.name, operation.field
    first: list[Operation] = [migrations.AddField(model, name, added)]
    if not same(added, kept):
        first.append(migrations.AlterField(model, name, kept))
    parts = [block(*first, title="1. before the release"), _filled_with_default(operation, app, WRITTEN)]
    if not same(kept, field):
        parts.append(block(migrations.AlterField(model, name, field), title="3. after that"))
    return "\n".join(parts)


def _filled_with_default(operation: migrations.AddField | migrations.AlterField, app: str, title: str) -> str:
    """Return a migration that gives rows with NULL what the field would give a new row."""
    field = operation.field
    where: dict[str, Any] = {"model": operation.model_name, "field": operation.name, "title": title}
    db_default = getattr(field, "db_default", NOT_PROVIDED)
    if db_default is not NOT_PROVIDED:
        return fill(value(db_default), **where)
    if field.default is not NOT_PROVIDED:
        return (fill_each if callable(field.default) else _fill_value)(field.default, **where)
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return fill(written("Now()", "from django.db.models.functions import Now"), **where)
    # This is Django's own value for a text that may be empty; any other value would be made up.
    empty = field.blank and field.empty_strings_allowed and isinstance(field, TEXTS)
    return fill(written('""' if empty else UNKNOWN), **where)


def _fill_value(constant: Any, **where: Any) -> str:
    return fill(value(constant), **where)


def _rewrite(operation: migrations.AddField, place: Place, app: str) -> str:
    field = operation.field
    if not hasattr(field, "db_default") or field.primary_key:
        return ""
    return _in_steps(operation, with_changes(field, **BY_ITSELF, null=True), with_changes(field, null=True), app)


def _ordinary(operation: migrations.AddField, place: Place, app: str) -> str:
    field: Any = operation.field
    model, name = operation.model_name, operation.name
    added = with_changes(field.output_field, null=True)
    title = "2. when all code that runs writes the column: fill it"
    filled = fill_every_row(value(field.expression), app=app, model=model, field=name, title=title)
    return "\n".join((block(migrations.AddField(model, name, added), title="1. an ordinary column"), filled))


def _new_column(operation: migrations.AlterField, place: Place, app: str) -> str:
    model, name, field = operation.model_name, f"{operation.name}_new", operation.field
    old = place.from_state.apps.get_model(app, model)._meta.get_field(operation.name)
    new = place.to_state.apps.get_model(app, model)._meta.get_field(operation.name)
    if field.primary_key or old.primary_key or getattr(field, "generated", False):
        return ""
    apart = {"db_column": None, **({"related_name": "+"} if field.remote_field else {})}
    bare = with_changes(field, **BY_ITSELF, **apart)
    last = with_changes(field, **apart)
    title = "2. when all code that runs writes both: copy it to every row, since older code wrote the old one alone"
    parts = [
        block(
            migrations.AddField(model, name, with_changes(bare, null=True)),
            title="1. before a release that writes both, and reads the old one",
        ),
        fill_every_row(_copied(operation.name, old, new), app=app, model=model, field=name, title=title),
    ]
    if not field.null:
        parts.append(block(migrations.AlterField(model, name, bare), title="3. after that"))
    if not same(bare, last):
        parts.append(
            block(migrations.AlterField(model, name, last), title="4. before the release that reads the new one")
        )
    return "\n".join(parts)


def _copied(name: str, old: Any, new: Any) -> Any:
    """Return the old column as a value of the new one, by a cast that refuses to cut values if there is one."""
    new = new.target_field if new.remote_field else new
    old = old.target_field if old.remote_field else old
    if isinstance(new, TEXTS) or (isinstance(old, NUMBERS) and isinstance(new, NUMBERS)) or type(old) is type(new):
        return written(f'models.F("{name}")')
    text, imports = value(with_changes(new, **BY_ITSELF, null=True))
    return written(f'Cast("{name}", {text})', "from django.db.models.functions import Cast", *imports)


def _kept_column(operation: migrations.RenameField, place: Place, app: str) -> str:
    model = place.from_state.apps.get_model(app, operation.model_name)
    field = model._meta.get_field(operation.old_name)
    kept = with_changes(field.clone(), db_column=field.column)
    return block(
        migrations.AlterField(operation.model_name, operation.old_name, kept),
        migrations.RenameField(operation.model_name, operation.old_name, operation.new_name),
    )


def _kept_table(operation: migrations.RenameModel, place: Place, app: str) -> str:
    model = place.from_state.apps.get_model(app, operation.old_name)
    if _names_a_column(place.from_state, (app, operation.old_name_lower)):
        return ""
    return "\n".join(
        (
            block(
                migrations.AlterModelTable(operation.old_name, model._meta.db_table), title="1. keep the table's name"
            ),
            block(migrations.RenameModel(operation.old_name, operation.new_name), title="2. in a second migration"),
        )
    )


def _names_a_column(state: ProjectState, model: tuple[str, str]) -> bool:
    """Return whether a model's name is also a column's name, in the table of a many-to-many field."""
    for key, each in state.models.items():
        for field in each.fields.values():
            by_itself = field.many_to_many and field.remote_field.through is None
            if by_itself and model in (key, resolve_relation(field.remote_field.model, *key)):
                return True
    return False


def _filled(operation: migrations.AlterField, place: Place, app: str) -> str:
    filled = _filled_with_default(operation, app, "1. before this migration")
    return "\n".join((filled, block(operation, title="2. then")))


def _written_by_code(operation: migrations.AlterField, place: Place, app: str) -> str:
    """Let the code write a value before the database stops to."""
    model, name = operation.model_name, operation.name
    left = place.from_state.apps.get_model(app, model)._meta.get_field(name).clone()
    before = migrations.SeparateDatabaseAndState(state_operations=[migrations.AlterField(model, name, left)])
    with_code = migrations.SeparateDatabaseAndState(state_operations=[operation])
    return "\n".join(
        (
            block(with_code, title="1. with the release that always writes a value"),
            block(before, operation, title="2. when all code that runs does so"),
        )
    )


def _written_first(operation: migrations.AlterField, place: Place, app: str) -> str:
    """Let the code keep NOT NULL before the database keeps it."""
    model, name = operation.model_name, operation.name
    nullable = place.from_state.apps.get_model(app, model)._meta.get_field(name).clone()
    before = migrations.SeparateDatabaseAndState(state_operations=[migrations.AlterField(model, name, nullable)])
    with_code = migrations.SeparateDatabaseAndState(state_operations=[operation])
    return "\n".join(
        (
            block(with_code, title="1. with the release that always writes a value"),
            _filled_with_default(operation, app, "2. when all code that runs does so"),
            block(before, operation, title="3. after that"),
        )
    )


def _after(operation: Operation, place: Place, app: str) -> str:
    return block(operation, title="in a migration after the release whose code keeps it")


_FORGOTTEN: dict[Loses, Example] = {Loses.FIELD: forgotten_field, Loses.MODEL: forgotten_model}
#: By the finding's code and by what the operation takes from code that does not know of it. Operations that only their
#: author understands have no example.
WRITERS: dict[str, dict[Loses, Example]] = {
    "ADD_COLUMN_NOT_NULL": {Loses.NOTHING: _not_null},
    "ADD_COLUMN_REWRITE": {Loses.NOTHING: _rewrite},
    "ADD_COLUMN_GENERATED_STORED": {Loses.NOTHING: _ordinary},
    "ALTER_COLUMN_TYPE": {Loses.DEFINITION: _new_column},
    "ALTER_TABLE_RENAME_COLUMN": {Loses.FIELD_NAME: _kept_column},
    "ALTER_TABLE_RENAME": {Loses.MODEL_NAME: _kept_table},
    "FILL_LARGE_TABLE": {Loses.DEFINITION: _filled},
    "DROP_COLUMN": _FORGOTTEN,
    "DROP_TABLE": _FORGOTTEN,
    "DROP_DEFAULT": {Loses.DEFINITION: _written_by_code},
    "FORGOTTEN_NOT_NULL": {Loses.NOTHING: apart},
    "FORGOTTEN_FOREIGN_KEY": {Loses.NOTHING: apart},
    "SET_NOT_NULL": {Loses.DEFINITION: _written_first},
    "ADD_CONSTRAINT": dict.fromkeys(Loses, _after),
}
