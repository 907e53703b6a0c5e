"""Operations and values as the Python of a migration."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import MigrationWriter, OperationWriter

KNOWN_IMPORTS = frozenset(
    {"from django.db import migrations", "from django.db import models", "import django.db.models.deletion"}
)
#: Any primary key has an order. The base manager leaves no row out.
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
_EACH = """\
for row in rows.filter(pk__gte=first, pk__lte=last, {field}=None):
    rows.filter(pk=row.pk, {field}=None).update({field}={value})"""


class Text(NamedTuple):
    """A value as Python. :param imports: what it needs at the top of the file."""

    text: str
    imports: tuple[str, ...] = ()


def written(text: str, *imports: str) -> Text:
    return Text(text, imports)


def value(of: Any) -> Text:
    """:raises ValueError: when a migration cannot write it."""
    text, imports = MigrationWriter.serialize(of)
    return Text(_short(text), _needed(imports))


def block(*operations: Operation, title: str = "") -> str:
    """``operations = [...]`` of one migration."""
    lines = [f"# {title}"] if title else []
    lines.append("operations = [")
    needed: set[str] = set()
    for operation in operations:
        text, imports = OperationWriter(operation, indentation=0).serialize()
        needed |= set(_needed(imports))
        lines.append(textwrap.indent(_short(text).rstrip(), "    "))
    return "\n".join([*sorted(needed), *lines, "]"]) + "\n"


def fill(of: Text, *, app: str, model: str, field: str, title: str, every_row: bool = False) -> str:
    """A migration that gives rows a value, range by range.

    :param every_row: also those that have another value than NULL.
    """
    wanted = "" if every_row else f", {field}=None"
    update = f"rows.filter(pk__gte=first, pk__lte=last{wanted}).update({field}={of.text})"
    return _filling(update, of, 5000, app=app, model=model, field=field, title=title)


def fill_each(make: Callable[[], Any], *, app: str, model: str, field: str, title: str) -> str:
    """The same with a value of its own for each row."""
    of = value(make)
    update = _EACH.format(field=field, value=f"{of.text}()")
    return _filling(update, of, 1000, app=app, model=model, field=field, title=title)


def _filling(update: str, of: Text, size: int, *, title: str, **names: str) -> str:
    body = _FILL.format(update=textwrap.indent(update, " " * 8), size=size, **names)
    imports = "".join(f"{line}\n" for line in of.imports)
    return f"{imports}{chr(10) * 2 if imports else ''}# {title}\n{body}"


def _short(text: str) -> str:
    # What every migration imports has these too, under shorter names.
    return text.replace("django.db.models.deletion.", "models.")


def _needed(imports: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(imports) - KNOWN_IMPORTS))
