"""Findings beyond single statements: rows and schema changed together, a table changed twice, non-additive changes."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import Operation

from ..ddl import statements as s
from ..django_types import Migration
from ..findings import Finding, Origin
from ..naming import plain_table
from ..operation_facts import adds, inside, runs_code
from ..operations import SafetyAssured
from ..places import Place, every
from ..record import Row
from ..rules.data_with_schema import RULE as DATA_WITH_SCHEMA
from ..rules.not_additive import RULE as NOT_ADDITIVE
from ..rules.same_table_twice import RULE as SAME_TABLE_TWICE

_DATA = re.compile(r"(?im)(?:^|;)\s*(?:UPDATE(?:\s+ONLY)?|INSERT\s+INTO|DELETE\s+FROM(?:\s+ONLY)?)\s+([\w.\"]+)")
#: Statements that change rows or comments, and not the table.
_NOT_SCHEMA = (s.FillNulls, s.UpdateRows, s.SetComment, s.Raw)


class Judged(Row):
    """A migration that has gone through an editor."""

    migration: Migration
    editor: Any


Result = tuple[Place | None, Finding]


def changes_rows_and_table(judged: Judged) -> Iterator[Result]:
    """Yield tables in use whose rows and definition one migration changes."""
    altered = {
        plain_table(touched.table): touched.table
        for touched in judged.editor.touched
        if not isinstance(touched.statement, _NOT_SCHEMA)
    }
    for place in every(judged.migration.operations):
        for table in sorted(altered.keys() & set(_rows_of(place.operation))):
            message = f"rows of {altered[table]} are changed, and the table is altered in the same migration"
            yield place, DATA_WITH_SCHEMA.found(message, altered[table], _origin(judged, place), assured(judged, place))


def changed_before(judged: Sequence[Judged]) -> Iterator[tuple[Judged, Result]]:
    """Yield tables in use that a migration before has changed as well."""
    first: dict[str, Any] = {}
    for each in judged:
        for touched in {x.table: x for x in reversed(each.editor.touched)}.values():
            before = first.setdefault(touched.table, each.migration)
            if before is not each.migration:
                message = f"{touched.table} is also changed by {before.app_label}.{before.name}"
                origin = _origin(each, touched.place)
                yield each, (touched.place, SAME_TABLE_TWICE.found(message, touched.table, origin))


def not_additive(judged: Judged) -> Iterator[Result]:
    """Yield the operations that --strict does not accept."""
    for place in every(judged.migration.operations):
        if adds(place.operation) or _state_only(judged, place):
            continue
        message = f"{type(place.operation).__name__} is not additive: {place.operation.describe()}"
        yield place, NOT_ADDITIVE.found(message, "", _origin(judged, place), assured(judged, place))


def _state_only(judged: Judged, place: Place) -> bool:
    """Return whether the operation has sent nothing; False if its effect is unknown."""
    if runs_code(place.operation):
        return False
    return place.path not in judged.editor.worked and all(x.path != place.path for _, x in judged.editor.failed)


def assured(judged: Judged, place: Place) -> str:
    """Return the reason of the SafetyAssured around an operation."""
    operations: Sequence[Operation] = judged.migration.operations
    reason = ""
    for number in place.path[:-1]:
        outer = operations[number]
        reason = outer.reason if isinstance(outer, SafetyAssured) else reason
        operations = inside(outer)
    return reason


def _origin(judged: Judged, place: Place | None) -> Origin:
    model = str(getattr(place.operation, "model_name", "") if place else "")
    return Origin(
        app=judged.migration.app_label,
        model=model,
        migration=judged.migration.name,
        operation=place.path[0] if place else None,
    )


def _rows_of(operation: Operation) -> Iterator[str]:
    """Yield plain names of the tables whose rows an operation changes, as far as its text tells."""
    if isinstance(operation, migrations.RunPython):
        code: Any = operation.code
        yield from _models_of(code)
    elif isinstance(operation, migrations.RunSQL):
        sql = operation.sql
        for text in [sql] if isinstance(sql, str) else [x if isinstance(x, str) else x[0] for x in sql]:
            yield from (name.strip('"').rpartition('"."')[2].rpartition(".")[2] for name in _DATA.findall(text))


@cache
def _models_of(function: Any) -> tuple[str, ...]:
    """Return the default tables of the models that a function of RunPython gets by ``apps.get_model``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return ()
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    found = []
    for call in calls:
        words = [x.value for x in call.args if isinstance(x, ast.Constant) and isinstance(x.value, str)]
        if isinstance(call.func, ast.Attribute) and call.func.attr == "get_model" and words:
            found.append("_".join(words).replace(".", "_").lower())
    return tuple(found)
