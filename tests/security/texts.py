"""Every SQL text that the package has by a name: in its ``.sql`` files, and in constants of its modules."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from importlib import resources

import django_zero_downtime_migrations as package
from django_zero_downtime_migrations.catalog import asking
from django_zero_downtime_migrations.type_changes.column import question

#: The user's SQL is recognised, and nothing of it is sent.
PATTERNS = re.compile(r"\(\?|\\b|\.\*")
SQL = re.compile(r"\s*(WITH|SELECT|UPDATE|INSERT|DELETE|DO|SET|CREATE)\s")


def named_texts() -> dict[str, str]:
    found = {f"catalog.sql {name}": text for name, text in asking.questions().items()}
    folder = resources.files(package).joinpath("type_changes")
    for file in folder.iterdir():
        if file.name.endswith(".sql"):
            found[f"type_changes/{file.name}"] = question(file.name)
    return found | dict(_constants())


def _constants() -> Iterator[tuple[str, str]]:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        name = module.name.removeprefix(f"{package.__name__}.")
        if name.endswith("__main__") or "postgis" in name:
            continue
        for constant, text in vars(importlib.import_module(module.name)).items():
            if (
                isinstance(text, str)
                and SQL.match(text)
                and not PATTERNS.search(text)
                and not constant.startswith("__")
            ):
                yield f"{name} {constant}", text


def with_values(text: str, value: str) -> str:
    """The text as the driver sends it, with the same literal everywhere, and a name where one is still to be put in."""
    text = re.sub(r"\{\w+\}", "here.name", re.sub(r"\.\{\w+\}", ".name", text))
    return re.sub(r"%(%|s)", lambda found: "%" if found[1] == "%" else value, text)
