"""The places where Django hands SQL on: `….execute(…)` in its editors and migrations, and `Statement(…)` objects."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.contract import django_source

KNOWN_SITES = Path(__file__).with_suffix(".txt")
EXECUTE_IN = (
    "contrib/gis/db/backends/postgis/schema.py",
    "contrib/postgres/*.py",
    "db/backends/base/schema.py",
    "db/backends/postgresql/schema.py",
    "db/migrations/*.py",
    "db/migrations/operations/*.py",
)
STATEMENTS_IN = (*EXECUTE_IN, "contrib/gis/db/models/*.py", "db/models/*.py")


def execute_sites() -> set[str]:
    """Each as `module:function receiver.execute(SQL)`; calls that read alike within a function are one site."""
    return {
        f"{place} {ast.unparse(call.func)}({_shape(_sql_argument(call))})"
        for place, call in _calls(EXECUTE_IN)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "execute"
    }


def statement_sites() -> set[str]:
    """Each as `module:function Statement(template)`."""
    return {
        f"{place} Statement({_shape(_sql_argument(call))})"
        for place, call in _calls(STATEMENTS_IN)
        if isinstance(call.func, ast.Name) and call.func.id == "Statement"
    }


def _calls(patterns: tuple[str, ...]) -> Iterator[tuple[str, ast.Call]]:
    root = django_source.installed()
    for path in sorted({path for pattern in patterns for path in root.glob(pattern)}):
        for place, node in _inside(path):
            yield f"{path.relative_to(root).as_posix()}:{place}", node


def _inside(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for name, function in django_source.functions(path):
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                yield name, node


def _sql_argument(call: ast.Call) -> ast.expr:
    named = [keyword.value for keyword in call.keywords if keyword.arg in ("sql", "template")]
    return [*call.args, *named][0]


def _shape(node: ast.expr) -> str:
    """The expression without what fills it: `self.sql_x % …`, `f(…)`, `'literal'`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return f"{_shape(node.left)} % …"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return f"{_shape(node.left)} + {_shape(node.right)}"
    if isinstance(node, ast.Starred):
        return f"*{_shape(node.value)}"
    if isinstance(node, ast.Call):
        inner = _shape(node.args[0]) if ast.unparse(node.func) == "str" else "…"
        return f"{ast.unparse(node.func)}({inner})"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return repr(" ".join(node.value.split()))
    return ast.unparse(node)


def known_sites() -> dict[str, str]:
    """Site -> how its SQL arrives, from `call_sites.txt`."""
    known, kind = {}, ""
    for line in KNOWN_SITES.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and not line.startswith("#"):
            known[line] = kind
    return known
