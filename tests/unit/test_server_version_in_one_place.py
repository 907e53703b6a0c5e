"""The version of a server is an attribute, which ruff's banned-api does not know, so it is looked for here."""

from __future__ import annotations

import ast
from pathlib import Path

import django_zero_downtime_migrations

PACKAGE = Path(django_zero_downtime_migrations.__file__).parent
VERSION_ATTRIBUTES = {"pg_version", "server_version"}


def reads_server_version(module: Path) -> bool:
    nodes = ast.walk(ast.parse(module.read_text(encoding="utf-8")))
    return any(isinstance(node, ast.Attribute) and node.attr in VERSION_ATTRIBUTES for node in nodes)


def test_only_server_reads_the_version_of_a_server():
    assert [path.name for path in PACKAGE.rglob("*.py") if reads_server_version(path)] == ["server.py"]
