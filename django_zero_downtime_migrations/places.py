"""The operations of a migration, and where each stands in its file, told from the source: operations do not know."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.db.migrations.operations.base import Operation

from .django_types import Editor, Migration, ProjectState
from .operation_facts import inside
from .record import Record, Row


class Location(Record):
    """A place in a file.

    :param path: with slashes, relative to the working directory if the file is below it.
    :param line: from 1.
    """

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Place(Row):
    """An operation in its migration. ``path`` has its index; for a nested operation, the outer one's index first."""

    path: tuple[int, ...]
    operation: Operation
    from_state: Any = None
    to_state: Any = None


def every(operations: Sequence[Operation], path: tuple[int, ...] = ()) -> Iterator[Place]:
    """Yield all operations that reach the database, nested ones after the operation that has them."""
    for number, operation in enumerate(operations):
        here = (*path, number)
        yield Place(here, operation)
        yield from every(inside(operation), here)


#: around(place, app_label, schema_editor): entered while the operation is at work.
Around = Callable[[Place, str, Any], AbstractContextManager[Any]]


@contextmanager
def watched(migration: Migration, around: Around, method: str = "database_forwards") -> Iterator[None]:
    """Enter ``around`` for each operation, also a nested one, while the migration is applied.

    :param method: ``database_backwards`` if the migration is taken back.
    """
    with ExitStack() as cleanup:
        for place in every(migration.operations):
            cleanup.callback(_put_back, place.operation, method, place.operation.__dict__.get(method))
            place.operation.__dict__[method] = _watching(place, getattr(place.operation, method), around)
        yield


def _watching(place: Place, work: Callable[..., None], around: Around) -> Callable[..., None]:
    def watching(app_label: str, schema_editor: Editor, from_state: ProjectState, to_state: ProjectState) -> None:
        here = place._replace(from_state=from_state, to_state=to_state)
        with around(here, app_label, schema_editor):
            work(app_label, schema_editor, from_state, to_state)

    return watching


def _put_back(operation: Operation, method: str, before: Any) -> None:
    if before is None:
        operation.__dict__.pop(method, None)
    else:
        operation.__dict__[method] = before


def file_of(migration: Migration) -> str:
    """Return the path of the migration's module, empty if it has none."""
    return getattr(sys.modules.get(type(migration).__module__), "__file__", None) or ""


def location(migration: Migration, path: Sequence[int] = ()) -> Location | None:
    """Return the location of an operation, or of the class.

    :param path: the operation's path, as in :class:`Place`; empty for the class.
    """
    file = file_of(migration)
    if not file:
        return None
    lines = _lines(_source(migration, file), type(migration).__name__)
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


def _source(migration: Migration, file: str) -> bytes:
    """Return the source of the module as it was imported, which may differ from its file by now."""
    loader = getattr(sys.modules.get(type(migration).__module__), "__loader__", None)
    read: Any = getattr(loader, "get_data", None)
    try:
        return bytes(read(file)) if read else Path(file).read_bytes()
    except OSError:
        return b""


@cache
def _lines(source: bytes, name: str) -> tuple[int, ast.expr | None]:
    """Return the line of the class, and the expression that its operations are."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
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
    """Return the operations that are written in an expression: one list, or several that are added."""
    if isinstance(node, ast.BinOp):
        left, right = _items(node.left, -1), _items(node.right, -1)
        items = None if left is None or right is None else left + right
    elif isinstance(node, (ast.List, ast.Tuple)) and not any(isinstance(item, ast.Starred) for item in node.elts):
        items = list(node.elts)
    else:
        items = None
    return items if items is not None and count in (-1, len(items)) else None


def _list_in(call: ast.expr | None) -> ast.expr | None:
    """Return the list of operations that an operation takes."""
    if not isinstance(call, ast.Call):
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    for name in ("database_operations", "operations"):
        if name in named:
            return named[name]
    return call.args[0] if call.args else None
