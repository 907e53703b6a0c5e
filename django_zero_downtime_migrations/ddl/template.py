"""SQL that remembers where it comes from.

Django's schema editor builds its statements from ``sql_*`` templates. Each is replaced by a :class:`Template`, a
``str`` whose ``%`` gives a :class:`SQL`, again a ``str``, that knows its template's name and its parts. Both stay
true strings: everything that Django, its tests and other packages do with the text works as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class SQL(str):
    """A piece of SQL with the template and the parts that it was made from.

    :ivar template: name of the ``sql_*`` attribute; empty when the text was put together with ``+``.
    :ivar parts: the values of the template's placeholders.
    :ivar segments: the pieces of a text put together with ``+``; for any other text, the text itself.
    """

    template: str
    parts: Mapping[str, Any]
    segments: tuple[str, ...]

    def __new__(
        cls, text: str, template: str = "", parts: Mapping[str, Any] | None = None, segments: tuple[str, ...] = ()
    ) -> SQL:
        self = super().__new__(cls, text)
        self.template = template
        self.parts = parts or {}
        self.segments = segments or (self,)
        return self

    @classmethod
    def join(cls, segments: Iterable[str], separator: str = "") -> SQL:
        """Like ``separator.join(segments)``, with the separators as segments of their own."""
        pieces: list[str] = []
        for segment in segments:
            pieces += (separator, segment) if separator and pieces else (segment,)
        return cls("".join(pieces), segments=tuple(pieces))

    def __str__(self) -> str:
        # str(statement) is how Django turns a statement into text just before it is sent: the tag must survive it.
        return self

    def __add__(self, other: str) -> SQL:
        return SQL(str.__add__(self, other), segments=(*self.segments, *_segments(other)))

    def __radd__(self, other: str) -> SQL:
        return SQL(str.__add__(other, self), segments=(*_segments(other), *self.segments))

    def __copy__(self) -> SQL:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SQL:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str.__str__(self),)


def plain(text: str) -> str:
    """Return the text as a ``str`` and not as a subclass's instance: tools that trace a driver look at its class."""
    return str.__str__(text)


def _segments(text: str) -> tuple[str, ...]:
    return text.segments if isinstance(text, SQL) else (text,)


class Template(str):
    """A ``sql_*`` template that knows its own name."""

    name: str

    def __new__(cls, text: str, name: str) -> Template:
        self = super().__new__(cls, text)
        self.name = name
        return self

    def __mod__(self, parts: Any) -> str:
        text = str.__mod__(self, parts)
        return SQL(text, self.name, dict(parts)) if isinstance(parts, (dict, Mapping)) else text

    def __str__(self) -> str:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Template:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Template, (str.__str__(self), self.name)


class Slot:
    """The descriptor that stands for one ``sql_*`` attribute.

    A data descriptor, since Django assigns some templates on the editor's instance while it works.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.template = Template(text, name)

    def __get__(self, editor: Any, owner: type | None = None) -> Any:
        return self.template if editor is None else editor.__dict__.get(self.name, self.template)

    def __set__(self, editor: Any, text: Any) -> None:
        editor.__dict__[self.name] = Template(text, self.name) if isinstance(text, str) else text

    def __delete__(self, editor: Any) -> None:
        editor.__dict__.pop(self.name, None)


def wrap_templates(editor_class: type) -> None:
    """Replace every ``sql_*`` string of ``editor_class``, inherited ones and those of later Django versions too, by a
    :class:`Slot`.
    """
    found: dict[str, Any] = {}
    for kind in reversed(editor_class.__mro__):
        found.update({name: value for name, value in vars(kind).items() if name.startswith("sql_")})
    for name, value in found.items():
        if isinstance(value, str):
            setattr(editor_class, name, Slot(name, value))
