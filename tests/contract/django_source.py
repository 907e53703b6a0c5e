"""Django's source as syntax trees: read from the files, because importing PostGIS's editor needs GDAL."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Fields that say nothing about behaviour, or that only some Python versions fill.
IGNORED_FIELDS = {"ctx", "kind", "type_comment"}


def installed() -> Path:
    """The folder of the installed Django package."""
    spec = importlib.util.find_spec("django")
    assert spec and spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


@functools.cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def functions(file: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions and methods of a module with their qualified names; those inside functions belong to these."""
    seen: Counter[str] = Counter()
    for name, function in _functions(tree(file), ""):
        seen[name] += 1
        # A property and its setter, or the two drivers' variants of a function, share a name.
        yield name if seen[name] == 1 else f"{name}#{seen[name]}", function


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, (ast.If, ast.Try, ast.ExceptHandler)):
            yield from _functions(child, prefix)


def digest(function: ast.FunctionDef) -> str:
    """A hash of what the function does: no layout, no comments, no docstring, the same under every Python."""
    return hashlib.sha256(repr(_canonical(function)).encode()).hexdigest()[:16]


def _canonical(value: Any) -> Any:
    """Like `ast.dump`, whose text depends on the Python version."""
    if isinstance(value, ast.AST):
        fields = [(name, _canonical(field)) for name, field in ast.iter_fields(value) if name not in IGNORED_FIELDS]
        # Fields that newer Pythons added are empty in code that older ones can read.
        return (type(value).__name__, *((name, field) for name, field in fields if field not in (None, ())))
    if isinstance(value, list):
        return tuple(_canonical(item) for item in value if not _is_docstring(item))
    return value


def _is_docstring(node: Any) -> bool:
    # A string that stands alone does nothing, wherever it stands.
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
