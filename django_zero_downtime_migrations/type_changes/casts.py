"""PostgreSQL's ways to give values another type: as they are, by a conversion of each, or with an error."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from ..record import Row

TIMESTAMP = 1114
TIMESTAMPTZ = 1184

#: Zones without any past or present offset: only with one of them are timestamp and timestamptz the same bytes.
#: A zone that is at UTC today but was not always (Europe/London, Africa/Abidjan) does not count.
ZONES_WITHOUT_OFFSET = frozenset(
    zone
    for name in ("UTC", "UCT", "Universal", "Zulu", "GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich")
    for zone in (name, f"Etc/{name}")
) | {"<+00>-00"}


class Type(Row):
    """A row of ``pg_type``. ``base`` is a domain's base type; ``constrained``: this domain itself checks its values."""

    oid: int
    kind: str
    category: str
    base: int | None
    base_typmod: int
    element: int | None
    constrained: bool
    collation: int
    typmod_in: str | None


class Cast(Row):
    """A row of ``pg_cast``. ``support`` is the function by which the planner may simplify the cast away."""

    method: str
    context: str
    support: str | None


class Path(enum.Enum):
    """The way from one type to another, by PostgreSQL's own words for it."""

    RELABEL = enum.auto()
    FUNCTION = enum.auto()
    ELEMENTS = enum.auto()
    TEXT = enum.auto()


class Conversion(enum.Enum):
    NONE = enum.auto()
    VALUES = enum.auto()
    IMPOSSIBLE = enum.auto()


class Types(Row):
    """The types that a change may go through, and the casts between them."""

    types: Mapping[int, Type]
    casts: Mapping[tuple[int, int], Cast]

    def base(self, oid: int) -> int:
        while (base := self.types[oid].base) is not None:
            oid = base
        return oid

    def base_typmod(self, oid: int) -> int:
        """Return the typmod of a domain over the type; -1 for a plain type."""
        typmod = -1
        while (base := self.types[oid].base) is not None:
            typmod, oid = self.types[oid].base_typmod, base
        return typmod

    def constrained(self, oid: int) -> bool:
        """Return whether a domain, or one that it is made of, has a CHECK or NOT NULL: each value is then looked at."""
        while (base := self.types[oid].base) is not None:
            if self.types[oid].constrained:
                return True
            oid = base
        return False

    def path(self, source: int, target: int, explicit: bool) -> Path | None:
        """Search for a cast as the server does; ``explicit`` as with USING, otherwise as in an assignment."""
        source, target = self.base(source), self.base(target)
        if source == target:
            return Path.RELABEL
        if cast := self.casts.get((source, target)):
            if cast.context == "e" and not explicit:
                return None
            return {"b": Path.RELABEL, "f": Path.FUNCTION, "i": Path.TEXT}[cast.method]
        here, there = self.types[source], self.types[target]
        if here.element and there.element and self.path(here.element, there.element, explicit):
            return Path.ELEMENTS
        # Text is the last choice: every type can be assigned to a text and, if explicit, be read from one.
        if there.category == "S" or (explicit and here.category == "S"):
            return Path.TEXT
        return None

    def conversion(
        self, source: int, typmod: int, target: int, new_typmod: int, explicit: bool, time_zone: str
    ) -> Conversion:
        """Return what ``ALTER COLUMN … TYPE`` does with the values, indexes and constraints aside."""
        if source != target:
            match self.path(source, target, explicit):
                case None:
                    return self._without_cast(source, target)
                case Path.RELABEL:
                    known = typmod if self.base(source) == self.base(target) else -1
                case Path.FUNCTION if self._same_instant(source, target, time_zone):
                    known = -1
                case _:
                    return Conversion.VALUES
            if self.constrained(target):
                return Conversion.VALUES
            if self.types[target].base is not None:
                new_typmod = self.base_typmod(target)
            elif self.types[source].base is not None:
                # The typmod of a domain's values is not looked up, so a length of the new type has to be enforced.
                known = -1
            typmod = known
        return Conversion.NONE if self.keeps_length(self.base(target), typmod, new_typmod) else Conversion.VALUES

    def keeps_length(self, oid: int, typmod: int, new_typmod: int) -> bool:
        """Return whether the planner omits the length cast, since each value of the old typmod is one of the new."""
        if new_typmod in (-1, typmod):
            return True
        if element := self.types[oid].element:
            return (self.base(element), self.base(element)) not in self.casts
        cast = self.casts.get((oid, oid))
        return cast is None or fits(cast.support, typmod, new_typmod)

    def _same_instant(self, source: int, target: int, time_zone: str) -> bool:
        return {self.base(source), self.base(target)} == {TIMESTAMP, TIMESTAMPTZ} and time_zone in ZONES_WITHOUT_OFFSET

    def _without_cast(self, source: int, target: int) -> Conversion:
        # Rows have rules of their own (inheritance, anonymous records), which are not repeated here.
        kinds = {self.types[self.base(oid)].kind for oid in (source, target)}
        return Conversion.VALUES if kinds & {"c", "p"} else Conversion.IMPOSSIBLE


def fits(support: str | None, old: int, new: int) -> bool:
    """Apply the rules of PostgreSQL's own support functions; any other length cast counts as a change of values."""
    match support:
        case "varchar_support" | "varbit_support":
            return 0 <= old <= new
        case "numeric_support":
            return old >= 4 and scale(old) == scale(new) and precision(old) <= precision(new)
        case "time_support" | "timestamp_support":
            return new >= 6 or 0 <= old <= new
        case "interval_support":
            return interval_fits(old, new)
    return False


def precision(typmod: int) -> int:
    return (typmod - 4) >> 16 & 0xFFFF


def scale(typmod: int) -> int:
    return (typmod - 4) & 0x7FF


#: By the last field of a range such as DAY TO MINUTE; finer fields have smaller numbers.
INTERVAL_LAST_FIELD = ((1 << 12, 0), (1 << 11, 1), (1 << 10, 2), (1 << 3, 3), (1 << 1, 4), (1 << 2, 5))
INTERVAL_PRECISION = 6


def interval_fits(old: int, new: int) -> bool:
    old_field, new_field = interval_last_field(old), interval_last_field(new)
    if new_field > old_field:
        return False
    # Only seconds have a precision: values that end with a coarser field lose nothing.
    return old_field > 0 or interval_precision(new) >= min(interval_precision(old), INTERVAL_PRECISION)


def interval_last_field(typmod: int) -> int:
    return next((number for bit, number in INTERVAL_LAST_FIELD if typmod >> 16 & bit), 0) if typmod >= 0 else 0


def interval_precision(typmod: int) -> int:
    return INTERVAL_PRECISION if typmod < 0 else typmod & 0xFFFF
