"""Immutable objects with named fields: like frozen dataclasses that take keywords only, and like named tuples.

``dataclasses`` compiles six methods for each class, and ``typing.NamedTuple`` one and each annotation. With a class for
every kind of DDL that took longer than all other imports of the package.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from typing import NamedTuple as Row

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**kwargs: object) -> Any:
        return lambda kind: kind

    class Row(tuple):
        """A tuple with named fields, like ``typing.NamedTuple``, for classes that have it as their only base."""

        _fields: ClassVar[tuple[str, ...]] = ()
        _field_defaults: ClassVar[dict[str, Any]] = {}

        def __init_subclass__(cls) -> None:
            cls._fields = cls.__match_args__ = tuple(cls.__annotations__)
            cls._field_defaults = {name: vars(cls)[name] for name in cls._fields if name in vars(cls)}
            for place, name in enumerate(cls._fields):
                setattr(cls, name, property(itemgetter(place)))

        def __new__(cls, *values: Any, **named: Any) -> Any:
            if named or len(values) != len(cls._fields):
                given = dict(zip(cls._fields, values, strict=False))
                known = cls._field_defaults | given | named
                if len(values) > len(cls._fields) or given.keys() & named.keys() or known.keys() != set(cls._fields):
                    raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}, and not {(*values, *named)}")
                values = tuple(map(known.__getitem__, cls._fields))
            return super().__new__(cls, values)

        @classmethod
        def _make(cls, values: Any) -> Any:
            return cls(*values)

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

        def __repr__(self) -> str:
            return f"{type(self).__name__}({', '.join(f'{x}={y!r}' for x, y in self._asdict().items())})"

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **changes: Any) -> Any:
            if unknown := changes.keys() - set(self._fields):
                raise ValueError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
            return type(self)(**self._asdict() | changes)


__all__ = ["Record", "Row"]

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
