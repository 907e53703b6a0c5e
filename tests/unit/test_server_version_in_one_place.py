"""The version of a server is an attribute, which ruff's banned-api does not know, so it is looked for here."""

from __future__ import annotations

import ast
from pathlib import Path

import django_zero_downtime_migrations

PACKAGE = Path(django_zero_downtime_migrations.__file__).parent
VERSION_ATTRIBUTES = {"pg_version", "server_version"}
#: As a driver gives them: 140000 is PostgreSQL 14.
VERSIONS = range(90000, 1000000, 10000)


def modules_with(about_version) -> list[str]:
    texts = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    found = (path for path, text in texts.items() if any(map(about_version, ast.walk(ast.parse(text)))))
    return [path.relative_to(PACKAGE).as_posix() for path in found]


def test_only_server_reads_the_version_of_a_server():
    def reads(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr in VERSION_ATTRIBUTES

    assert modules_with(reads) == ["server.py"]


def test_only_server_knows_a_version():
    def knows(node: ast.AST) -> bool:
        return isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value in VERSIONS

    assert modules_with(knows) == ["server.py"]
