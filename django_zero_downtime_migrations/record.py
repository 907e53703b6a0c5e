"""Immutable objects with named fields, like frozen dataclasses that take keywords only.

``dataclasses`` compiles six methods for each class. With a class for every kind of DDL that took longer than all other
imports of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**kwargs: object) -> Any:
        return lambda kind: kind


R = TypeVar("R", bound="Record")


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """Annotations other than ``ClassVar`` are fields; a value in the class is the default."""

    _fields: ClassVar[frozenset[str]] = frozenset()
    _required: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        own = {name for name, kind in cls.__annotations__.items() if not kind.startswith("ClassVar")}
        cls._fields = cls._fields | own
        cls._required = frozenset(name for name in cls._fields if not hasattr(cls, name))

    def __init__(self, **values: Any) -> None:
        if not self._required <= values.keys() <= self._fields:
            wrong = (self._required - values.keys()) | (values.keys() - self._fields)
            raise TypeError(f"{type(self).__name__}: missing or unknown {', '.join(sorted(wrong))}")
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed: {name}")

    def __eq__(self, other: object) -> bool:
        same = type(other) is type(self)
        return same and all(getattr(self, name) == getattr(other, name) for name in self._fields)

    def __hash__(self) -> int:
        return hash((type(self), *(self.__dict__.get(name) for name in self._required)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"

    def named(self: R, **changes: object) -> R:
        """Return a copy with other fields."""
        return type(self)(**{**self.__dict__, **changes})
