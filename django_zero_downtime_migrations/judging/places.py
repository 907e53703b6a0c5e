"""Where an operation stands in the file of its migration, told from the source: operations do not know."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ..reporting.report import Location
from .editor import inside


def file_of(migration: Any) -> str:
    """The path of the migration's module, empty where it has none."""
    return getattr(sys.modules.get(type(migration).__module__), "__file__", None) or ""


def location(migration: Any, path: Sequence[int] = ()) -> Location | None:
    """:param path: of the operation, as in :class:`editor.Place`; without one the place of the class."""
    file = file_of(migration)
    if not file:
        return None
    lines = _lines(file, type(migration).__name__, _changed(file))
    line, operations = lines[0], migration.operations
    node: Any = lines[1]
    for number in path:
        # A list that is put together while the module runs has other items than its source.
        items = _items(_list_in(node) if operations is not migration.operations else node, len(operations))
        if items is None:
            break
        node, line = items[number], items[number].lineno
        operations = inside(operations[number])
    return Location(path=_shown(file), line=line)


def _shown(file: str) -> str:
    relative = os.path.relpath(file)
    return Path(file if relative.startswith(os.pardir) else relative).as_posix()


def _changed(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0


@cache
def _lines(file: str, name: str, changed: int) -> tuple[int, ast.expr | None]:
    """The line of the class, and the expression that its operations are."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 1, None
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node.lineno, next(_assigned(node), None)
    return 1, None


def _assigned(node: ast.ClassDef) -> Iterator[ast.expr]:
    for item in node.body:
        targets = (
            item.targets if isinstance(item, ast.Assign) else [item.target] if isinstance(item, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "operations" for target in targets):
            value = getattr(item, "value", None)
            if isinstance(value, ast.expr):
                yield value


def _items(node: ast.expr | None, count: int) -> list[ast.expr] | None:
    """The operations that are written in an expression: one list, or several that are added."""
    if isinstance(node, ast.BinOp):
        left, right = _items(node.left, -1), _items(node.right, -1)
        items = None if left is None or right is None else left + right
    elif isinstance(node, (ast.List, ast.Tuple)) and not any(isinstance(item, ast.Starred) for item in node.elts):
        items = list(node.elts)
    else:
        items = None
    return items if items is not None and count in (-1, len(items)) else None


def _list_in(call: ast.expr | None) -> ast.expr | None:
    """The list of operations that an operation takes."""
    if not isinstance(call, ast.Call):
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    for name in ("database_operations", "operations"):
        if name in named:
            return named[name]
    return call.args[0] if call.args else None
