"""The class of schema editors, imported when it is asked for: most processes of a project migrate nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class EditorClass:
    """The descriptor that is ``SchemaEditorClass`` of a connection class. To assign another class replaces it.

    :param make: imports the class, or makes it.
    """

    #: Read of the descriptor, and so without importing anything.
    is_ours = True

    def __init__(self, make: Callable[[], type]) -> None:
        self._make = make
        self._made: type | None = None

    def __get__(self, connection: object, owner: type | None = None) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made

    def is_of(self, connection: object) -> bool:
        """Whether a connection has the class of this descriptor, and none that somebody has assigned."""
        name = "SchemaEditorClass"
        kinds = (vars(kind) for kind in type(connection).__mro__)
        return name not in vars(connection) and next(kind[name] for kind in kinds if name in kind) is self
