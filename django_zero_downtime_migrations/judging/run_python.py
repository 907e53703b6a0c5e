"""Findings about the functions of RunPython, from their code."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
from collections.abc import Iterator
from importlib.util import resolve_name
from types import CodeType, FunctionType, ModuleType
from typing import Any

from django.apps import apps
from django.db import migrations, models

from ..findings import Origin
from ..places import every
from ..rules.run_python_models import RULE as RUN_PYTHON_MODELS
from ..rules.run_python_no_reverse import RULE as RUN_PYTHON_NO_REVERSE
from .whole_deployment import Judged, Result, assured


def of_functions(judged: Judged) -> Iterator[Result]:
    """Yield what can be said of the code of a migration without running it."""
    migration = judged.migration
    for place in every(migration.operations):
        operation = place.operation
        if not isinstance(operation, migrations.RunPython):
            continue
        origin = Origin(app=migration.app_label, migration=migration.name, operation=place.path[0])
        name = getattr(_function(operation.code), "__name__", "code")
        used = sorted({f"{model.__module__}.{model.__qualname__}" for model in imported_models(operation.code)})
        if used:
            message = f"{name} uses {', '.join(used)} as today's code has it"
            yield place, RUN_PYTHON_MODELS.found(message, "", origin, assured(judged, place))
        if operation.reverse_code is None:
            message = f"{name} has no reverse_code, so {migration.app_label}.{migration.name} cannot be taken back"
            yield place, RUN_PYTHON_NO_REVERSE.found(message, "", origin, assured(judged, place))


def imported_models(code: Any) -> Iterator[type[models.Model]]:
    """Yield the project's own models that a function uses, also in functions of its module that it calls."""
    seen: set[FunctionType] = set()
    waiting = [_function(code)]
    while waiting:
        function = waiting.pop()
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.add(function)
        for value in [*_globals(function), *_imports(function)]:
            if _is_real_model(value):
                yield value
            elif isinstance(value, FunctionType) and value.__module__ == function.__module__:
                waiting.append(value)


def _function(code: Any) -> Any:
    while isinstance(code, functools.partial):
        code = code.func
    return inspect.unwrap(code) if callable(code) else code


def _globals(function: FunctionType) -> Iterator[Any]:
    """Yield what the names of a function mean, and what it takes from modules among them."""
    names = set(_names(function.__code__))
    for name in names:
        value = function.__globals__.get(name)
        yield value
        if isinstance(value, ModuleType):
            yield from (vars(value)[each] for each in names & vars(value).keys())


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _imports(function: FunctionType) -> Iterator[Any]:
    """Yield what a function imports itself, as far as that is loaded."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            package = function.__globals__.get("__package__") or ""
            name = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            module = sys.modules.get(name)
            yield from (getattr(module, each.name, None) for each in node.names)


def _is_real_model(value: Any) -> bool:
    is_model = isinstance(value, type) and issubclass(value, models.Model) and hasattr(value, "_meta")
    return is_model and value._meta.apps is apps and not value._meta.abstract
