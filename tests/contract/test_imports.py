"""The imports of the package: without a circle, also among those inside functions and those for types alone, and each
for a name that is used.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import django_zero_downtime_migrations

PACKAGE = Path(django_zero_downtime_migrations.__file__).parent
#: Files with an import that uses no name of it: Django's own modules have to be imported in this order.
IN_DJANGOS_ORDER = {
    "backends/postgres/introspection.py": "import django.db.backends.postgresql.base  # noqa: F401",
    "backends/postgres/operations.py": "import django.db.backends.postgresql.base  # noqa: F401",
}


def module(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files() -> dict[str, Path]:
    return {module(path): path for path in PACKAGE.rglob("*.py")}


def imported(source: str, name: str, is_package: bool, modules: frozenset[str]) -> Iterator[str]:
    """Yield the modules that a module imports, wherever in its file.

    :param name: the module's own name.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in modules)
        elif isinstance(node, ast.ImportFrom):
            above = node.level - (1 if is_package else 0)
            start = name.split(".")[: -above or None] if node.level else []
            of = ".".join([*start, *([node.module] if node.module else [])])
            for each in node.names:
                inside = f"{of}.{each.name}"
                if inside in modules or of in modules:
                    yield inside if inside in modules else of


def graph(sources: dict[str, str], packages: frozenset[str] = frozenset()) -> dict[str, set[str]]:
    """Return the imports of each module.

    :param packages: the modules that are packages.
    """
    names = frozenset(sources)
    return {name: {*imported(text, name, name in packages, names)} - {name} for name, text in sources.items()}


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other, in the order of their imports."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_modules_import_each_other_in_one_direction() -> None:
    found = files()
    packages = frozenset(name for name, path in found.items() if path.name == "__init__.py")
    assert circle(graph({name: path.read_text(encoding="utf-8") for name, path in found.items()}, packages)) == []


@pytest.mark.parametrize(
    "back",
    [
        "from .b import x",
        "from . import b",
        "import p.b",
        "def later():\n    from .b import x",
        "if TYPE_CHECKING:\n    from .b import x",
    ],
)
def test_a_circle_is_found(back: str) -> None:
    assert set(circle(graph({"p": "", "p.a": back, "p.b": "from p.a import y"}, frozenset({"p"})))) == {"p.a", "p.b"}


def test_nothing_is_imported_for_its_side_effect() -> None:
    """Ruff refuses a name that is imported and not used (F401), unless a comment says that it is meant."""
    meant = {
        str(path.relative_to(PACKAGE)): line.strip()
        for path in PACKAGE.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "noqa: F401" in line
    }
    assert meant == IN_DJANGOS_ORDER
