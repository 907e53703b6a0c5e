"""mypy sees what the package's functions take: arguments that may be anything get fewer, and never more."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import django_zero_downtime_migrations as package

#: The share of today. Take it down with every argument that gets a type.
LIMIT = 0.048
FOLDER = Path(package.__file__).parent


def arguments() -> Iterator[tuple[str, ast.arg]]:
    """The arguments of all functions, but for ``self`` and ``cls``, each with its file."""
    for file in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                given = node.args
                every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
                for argument in every:
                    if argument is not None and argument.arg not in ("self", "cls"):
                        yield f"{file.relative_to(FOLDER)}:{argument.lineno} {argument.arg}", argument


def is_any(argument: ast.arg) -> bool:
    return isinstance(argument.annotation, ast.Name) and argument.annotation.id == "Any"


def test_arguments_that_may_be_anything_get_fewer() -> None:
    every = list(arguments())
    anything = [where for where, argument in every if is_any(argument)]
    assert len(anything) / len(every) <= LIMIT, "\n".join(anything)


def test_limit_goes_down_with_them() -> None:
    every = list(arguments())
    share = sum(is_any(argument) for _, argument in every) / len(every)
    assert LIMIT - share < 0.005, f"the share is {share:.4f} by now: write it down as the limit"


def test_functions_are_found() -> None:
    assert len(list(arguments())) > 2000
