"""The settings as attributes of a schema editor, where subclasses set them: ``self.RAISE_FOR_UNSAFE = False``."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import getattr_static
from typing import Any

from ...settings import IN_AN_EDITOR, MigrationSettings, changed

_MISSING: Any = object()


class OwnSetting:
    """The descriptor for one of them.

    :ivar stated: the value by the class, or a base that is not an editor; it counts instead of the project's setting.
    """

    def __init__(self, name: str, stated: Any = _MISSING) -> None:
        self.name = name
        self.stated = stated

    def __get__(self, editor: Any, owner: type | None = None) -> Any:
        if editor is None:
            if self.stated is _MISSING:
                raise AttributeError(self.name)
            return self.stated
        return getattr(editor.settings, self.name.lower())

    def __set__(self, editor: Any, value: Any) -> None:
        # An __init__ may set it before the mixin's __init__ has run.
        editor.__dict__[self.name] = value
        if "settings" in editor.__dict__:
            editor.use_settings(changed(editor.settings, self.name, value, f"{type(editor).__name__}.{self.name}"))


def wrap_settings(editor_class: type) -> None:
    """Put an :class:`OwnSetting` in the place of every attribute with the name of a setting."""
    for name in IN_AN_EDITOR:
        value = getattr_static(editor_class, name, _MISSING)
        if not isinstance(value, OwnSetting):
            setattr(editor_class, name, OwnSetting(name, value))


def own_settings(editor: Any, settings: MigrationSettings) -> MigrationSettings:
    """The settings of a new editor.

    :param settings: the project's.
    :raises ImproperlyConfigured: when a value is wrong, or comes too late on an editor.
    """
    known: Mapping[str, Any] = vars(type(editor))
    if any(type(known.get(name)) is not OwnSetting for name in IN_AN_EDITOR):
        # A value that was set on the class after it was made has replaced the descriptor.
        wrap_settings(type(editor))
        known = {name: getattr_static(type(editor), name) for name in IN_AN_EDITOR}
    for name in IN_AN_EDITOR:
        stated = editor.__dict__.get(name, known[name].stated)
        if stated is not _MISSING:
            settings = changed(settings, name, stated, f"{type(editor).__name__}.{name}")
    return settings
