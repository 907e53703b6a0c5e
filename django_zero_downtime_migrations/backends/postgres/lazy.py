"""The schema editor is imported when somebody asks for it: most processes of a project never migrate."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LazyEditor:
    """``SchemaEditorClass = LazyEditor("package.module")``: the ``DatabaseSchemaEditor`` of a module.

    Not a data descriptor, so that assigning another class, or patching this one, works as with a plain attribute.
    """

    def __init__(self, module: str) -> None:
        self.module = module

    def __get__(self, wrapper: Any, owner: type | None = None) -> Any:
        return import_module(self.module).DatabaseSchemaEditor
