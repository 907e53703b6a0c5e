"""What to write instead, as Python for the very model and field of a finding."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import OperationWriter
from django.db.models import NOT_PROVIDED

from ..compat import has_db_default
from ..findings import Finding
from ..places import Place

Example = Callable[[Any, Place, str], str]

KNOWN_IMPORTS = frozenset(
    {"from django.db import migrations", "from django.db import models", "import django.db.models.deletion"}
)
FILL = """\
def fill_{field}(apps, schema_editor):
    rows = apps.get_model("{app}", "{model}").objects.using(schema_editor.connection.alias)
    last = rows.aggregate(last=models.Max("pk"))["last"] or 0
    for start in range(0, last + 1, 5000):
        rows.filter(pk__range=(start, start + 4999), {field}=None).update({field}={value})


operations = [
    migrations.RunPython(fill_{field}, migrations.RunPython.noop, atomic=False),
]
"""


def example(finding: Finding, place: Place | None, app: str) -> str:
    """Empty where there is nothing to paste. :param app: the label of the migration's app."""
    write = WRITERS.get(finding.code)
    if write is None or place is None:
        return ""
    try:
        return write(place.operation, place, app).rstrip("\n")
    except Exception:  # a field of somebody else's may not be one that a migration can write
        return ""


def block(*operations: Operation, title: str = "") -> str:
    """``operations = […]`` of one migration."""
    lines = [f"# {title}"] if title else []
    lines.append("operations = [")
    needed: set[str] = set()
    for operation in operations:
        text, imports = OperationWriter(operation, indentation=0).serialize()
        # What every migration imports has these too, under shorter names.
        text = text.replace("django.db.models.deletion.", "models.")
        needed |= {line for line in imports if line not in KNOWN_IMPORTS}
        lines.append(textwrap.indent(text.rstrip(), "    "))
    return "\n".join([*sorted(needed), *lines, "]"]) + "\n"


def _with(field: Any, **changes: Any) -> Any:
    """A copy of a field with other arguments; None takes one away."""
    _, _, args, kwargs = field.deconstruct()
    kwargs = {name: value for name, value in (kwargs | changes).items() if value is not None}
    return type(field)(*args, **kwargs)


def _fill(app: str, model: str, field: Any, name: str) -> str:
    title = "# 2. when all code that runs writes the column: fill the rows that are older\n"
    return title + FILL.format(app=app, model=model, field=name, value=_value(field))


def _value(field: Any) -> str:
    """Some value of the field, as Python."""
    if field.default is not NOT_PROVIDED and not callable(field.default):
        return repr(field.default)
    kinds = ((models.BooleanField, "False"), ((models.IntegerField, models.FloatField, models.DecimalField), "0"))
    known = next((text for kind, text in kinds if isinstance(field, kind)), "")
    return known or ('""' if isinstance(field, (models.CharField, models.TextField)) else "...")


def _not_null(operation: Any, place: Place, app: str) -> str:
    field, name = operation.field, operation.name
    default = field.default
    if has_db_default and default is not NOT_PROVIDED and not callable(default):
        kept = _with(field, default=None, db_default=default)
        return block(migrations.AddField(operation.model_name, name, kept))
    return _in_steps(operation, _with(field, null=True, default=None), field, app)


def _in_steps(operation: Any, first: Any, last: Any, app: str) -> str:
    return "\n".join(
        (
            block(migrations.AddField(operation.model_name, operation.name, first), title="1. before the release"),
            _fill(app, operation.model_name, last, operation.name),
            block(migrations.AlterField(operation.model_name, operation.name, last), title="3. after that"),
        )
    )


def _rewrite(operation: Any, place: Place, app: str) -> str:
    field = operation.field
    if not hasattr(field, "db_default"):
        return ""
    first = _with(field, null=True, db_default=None)
    return _in_steps(operation, first, field, app)


def _virtual(operation: Any, place: Place, app: str) -> str:
    return block(migrations.AddField(operation.model_name, operation.name, _with(operation.field, db_persist=False)))


def _new_column(operation: Any, place: Place, app: str) -> str:
    name = f"{operation.name}_new"
    field = operation.field
    added = _with(field, null=True, db_column=None)
    title = "# 2. when all code that runs writes both: copy the rows that are older\n"
    copied = FILL.format(app=app, model=operation.model_name, field=name, value=f'models.F("{operation.name}")')
    return "\n".join(
        (
            block(migrations.AddField(operation.model_name, name, added), title="1. before a release that writes both"),
            title + copied,
            block(
                migrations.AlterField(operation.model_name, name, _with(field, db_column=None)), title="3. after that"
            ),
        )
    )


def _kept_column(operation: Any, place: Place, app: str) -> str:
    model = place.from_state.apps.get_model(app, operation.model_name)
    field = model._meta.get_field(operation.old_name)
    kept = _with(field.clone(), db_column=field.column)
    return block(
        migrations.AlterField(operation.model_name, operation.old_name, kept),
        migrations.RenameField(operation.model_name, operation.old_name, operation.new_name),
    )


def _kept_table(operation: Any, place: Place, app: str) -> str:
    if not isinstance(operation, migrations.RenameModel):
        return ""
    table = place.from_state.apps.get_model(app, operation.old_name)._meta.db_table
    return "\n".join(
        (
            block(migrations.AlterModelTable(operation.old_name, table), title="1. keep the table's name"),
            block(migrations.RenameModel(operation.old_name, operation.new_name), title="2. in a second migration"),
        )
    )


def _forgotten(operation: Any, place: Place, app: str) -> str:
    if isinstance(operation, migrations.DeleteModel):
        state = place.from_state.models[app, operation.name_lower]
        options = {name: value for name, value in state.options.items() if value}
        again: Operation = migrations.CreateModel(state.name, list(state.fields.items()), options)
    elif isinstance(operation, migrations.RemoveField):
        field = place.from_state.apps.get_model(app, operation.model_name)._meta.get_field(operation.name)
        again = migrations.AddField(operation.model_name, operation.name, field.clone())
    else:
        return ""
    forget = migrations.SeparateDatabaseAndState(state_operations=[operation])
    known = migrations.SeparateDatabaseAndState(state_operations=[again])
    return "\n".join(
        (
            block(forget, title="1. with the release that does not use it any more"),
            block(known, operation, title="2. in the next release"),
        )
    )


def _filled(operation: Any, place: Place, app: str) -> str:
    filled = _fill(app, operation.model_name, operation.field, operation.name).partition("\n")[2]
    return "\n".join((f"# 1. before this migration\n{filled}", block(operation, title="2. then")))


def _after(operation: Any, place: Place, app: str) -> str:
    return block(operation, title="in a migration after the release whose code keeps it")


def _alter_or(of_alter: Example, otherwise: Example) -> Example:
    def write(operation: Any, place: Place, app: str) -> str:
        return (of_alter if isinstance(operation, migrations.AlterField) else otherwise)(operation, place, app)

    return write


def _nothing(operation: Any, place: Place, app: str) -> str:
    return ""


WRITERS: dict[str, Example] = {
    "ADD_COLUMN_NOT_NULL": _not_null,
    "ADD_COLUMN_REWRITE": _rewrite,
    "ADD_COLUMN_GENERATED_STORED": _virtual,
    "ALTER_COLUMN_TYPE": _alter_or(_new_column, _nothing),
    "ALTER_TABLE_RENAME_COLUMN": _kept_column,
    "ALTER_TABLE_RENAME": _kept_table,
    "FILL_LARGE_TABLE": _alter_or(_filled, _nothing),
    "DROP_COLUMN": _forgotten,
    "DROP_TABLE": _forgotten,
    "SET_NOT_NULL": _alter_or(_filled, _nothing),
    "ADD_CONSTRAINT": _after,
}
