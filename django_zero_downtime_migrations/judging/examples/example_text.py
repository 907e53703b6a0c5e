"""Operations and values as the Python of a migration."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import MigrationWriter, OperationWriter

from ...django_types import Field
from ...record import Row

KNOWN_IMPORTS = frozenset(
    {"from django.db import migrations", "from django.db import models", "import django.db.models.deletion"}
)
#: Any primary key has an order. The base manager returns every row.
_FILL = """\
def fill_{field}(apps, schema_editor):
    rows = apps.get_model("{app}", "{model}")._base_manager.using(schema_editor.connection.alias)
    keys = rows.order_by("pk").values_list("pk", flat=True)
    first = keys.first()
    while first is not None:
        last = list(keys.filter(pk__gte=first)[:{size}])[-1]
{update}
        first = keys.filter(pk__gt=last).first()


operations = [
    migrations.RunPython(fill_{field}, migrations.RunPython.noop, atomic=False),
]
"""
_BACKFILL = """\
operations = [
    Backfill("{model}", {what}, where=models.Q({field}__isnull=True)),
]
"""
_EACH = """\
def fill_{field}(apps, rows):
    for row in rows:
        rows.filter(pk=row.pk).update({field}={value}())


"""
_IMPORT = "from django_zero_downtime_migrations.operations import Backfill"


class Text(Row):
    """A value as Python.

    :param imports: what it needs at the top of the file.
    """

    text: str
    imports: tuple[str, ...] = ()


def written(text: str, *imports: str) -> Text:
    return Text(text, imports)


def value(of: Any) -> Text:
    """Write a value as Python.

    :raises ValueError: when a migration cannot write it.
    """
    text, imports = MigrationWriter.serialize(of)
    return Text(_short(text), _needed(imports))


def block(*operations: Operation, title: str = "") -> str:
    """Return ``operations = [...]`` of one migration."""
    lines = [f"# {title}"] if title else []
    lines.append("operations = [")
    needed: set[str] = set()
    for operation in operations:
        text, imports = OperationWriter(operation, indentation=0).serialize()
        needed |= set(_needed(imports))
        lines.append(textwrap.indent(_short(text).rstrip(), "    "))
    return "\n".join([*sorted(needed), *lines, "]"]) + "\n"


def fill(of: Text, *, model: str, field: str, title: str) -> str:
    """Return a migration that replaces NULLs by a value."""
    body = _BACKFILL.format(model=model, field=field, what=f'{{"{field}": {of.text}}}')
    return _titled(title, body, *of.imports, _IMPORT)


def fill_each(make: Callable[[], Any], *, model: str, field: str, title: str) -> str:
    """Return a migration that replaces each NULL by a value of its own."""
    of = value(make)
    body = _EACH.format(field=field, value=of.text)
    body += _BACKFILL.format(model=model, field=field, what=f"each=fill_{field}")
    return _titled(title, body, *of.imports, _IMPORT)


def fill_every_row(of: Text, *, app: str, model: str, field: str, title: str) -> str:
    """Return a migration that gives a value to all rows, range by range. Some types lack the operator that would tell
    which rows have it already.
    """
    update = f"rows.filter(pk__gte=first, pk__lte=last).update({field}={of.text})"
    body = _FILL.format(update=textwrap.indent(update, " " * 8), size=5000, app=app, model=model, field=field)
    return _titled(title, body, *of.imports)


def _titled(title: str, body: str, *imports: str) -> str:
    lines = "".join(f"{line}\n" for line in sorted(imports))
    return f"{lines}{chr(10) * 2 if lines else ''}# {title}\n{body}"


def _short(text: str) -> str:
    # The imports of every migration include these, under shorter names.
    return text.replace("django.db.models.deletion.", "models.")


def _needed(imports: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(imports) - KNOWN_IMPORTS))


def with_changes(field: Field, **changes: object) -> Any:
    """Return a copy of a field with other arguments; None removes one."""
    _, _, args, kwargs = field.deconstruct()
    kwargs = {name: value for name, value in (kwargs | changes).items() if value is not None}
    return type(field)(*args, **kwargs)


def same(field: Field, other: Field) -> bool:
    return bool(field.deconstruct()[1:] == other.deconstruct()[1:])
