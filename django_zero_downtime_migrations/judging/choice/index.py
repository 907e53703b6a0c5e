"""Migration modules as git's index has them: after ``git add -p``, the commit may differ from the file."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from .changes import staged_otherwise


@contextmanager
def imported_from_index() -> Iterator[None]:
    """Import each module whose staged content differs from its file as it is staged, in the block.

    :raises CannotJudge: outside a repository, or if the file of a staged migration is missing.
    """
    contents = staged_otherwise()
    finder = _Finder(contents)
    _forget(contents)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _forget(contents)


def _forget(contents: Mapping[str, bytes]) -> None:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and os.path.realpath(file) in contents:
            del sys.modules[name]
    importlib.invalidate_caches()


class _Finder(MetaPathFinder):
    """The finder of staged modules.

    :param contents: by the real path of the file.
    """

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            return None
        content = self._contents.get(os.path.realpath(spec.origin))
        if content is None:
            return None
        spec.loader, spec.cached = _Loader(fullname, spec.origin, content), None
        return spec


class _Loader(SourceFileLoader):
    """A module of a file with another content. It is compiled each time: the cache belongs to the file."""

    def __init__(self, fullname: str, path: str, content: bytes) -> None:
        super().__init__(fullname, path)
        self._content = content

    def get_data(self, path: Any) -> bytes:
        return self._content if path == self.path else super().get_data(path)

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self._content, self.path)
        return code
