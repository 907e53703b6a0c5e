"""The values of a type that fit into a narrower one: the way back of :mod:`.widening`.

``tests/facts/test_narrowing.py`` asks the server about values on both sides of each bound.
"""

from __future__ import annotations

from typing import Final

from ..record import Row
from .casts import Types
from .widening import BIGINT, DOUBLE, INTEGER, NUMERIC, REAL, SMALLINT, TEXT, VARCHAR, of_numeric

#: The smallest and largest value.
RANGES: Final = {
    SMALLINT: (-(2**15), 2**15 - 1),
    INTEGER: (-(2**31), 2**31 - 1),
    BIGINT: (-(2**63), 2**63 - 1),
}
_INTEGERS: Final = {SMALLINT: "int2", INTEGER: "int4", BIGINT: "int8"}
_FRACTIONS: Final = {REAL: "float8", DOUBLE: "float8", NUMERIC: "numeric"}
_VARCHAR_HEADER: Final = 4


class Fits(Row):
    """Two conditions in SQL, in which ``{0}`` stands for a value that is not NULL.

    They do not fail for any value, and use PostgreSQL's own names only.

    :param same: it is the same value in the narrower type.
    :param taken: a column of the narrower type takes it when it is written. A fraction may be rounded then, and spaces
        at the end of a text may be cut off.
    :param ends: the bounds of a type of integers, in which the sequence of the column has to stay as well.
    """

    same: str
    taken: str
    ends: tuple[int, int] | None = None


def fits(types: Types, source: int, typmod: int, target: int, new_typmod: int) -> Fits | None:
    """Return the conditions; None if they are not known, or need a conversion that may fail.

    :param source: oid of the type.
    :param typmod: its modifier, as in ``pg_attribute.atttypmod``.
    """
    if types.types[source].base is not None or types.types[target].base is not None:
        return None
    if target in _INTEGERS and source in _INTEGERS:
        within = _within("{0}", "int8", target)
        return Fits(within, within, RANGES[target])
    if target in _INTEGERS and source in _FRACTIONS:
        return _of_fraction(_FRACTIONS[source], target)
    if (source, target) == (NUMERIC, NUMERIC) and new_typmod != -1:
        return _of_digits(*of_numeric(new_typmod))
    if source in (TEXT, VARCHAR) and target == VARCHAR and new_typmod != -1:
        return _of_length(new_typmod - _VARCHAR_HEADER)
    return None


def _within(value: str, kind: str, target: int) -> str:
    low, high = RANGES[target]
    of = f"({value})::pg_catalog.{kind}"
    above = f"{of} OPERATOR(pg_catalog.>=) '{low}'::pg_catalog.{kind}"
    return f"{above} AND {of} OPERATOR(pg_catalog.<=) '{high}'::pg_catalog.{kind}"


def _of_fraction(kind: str, target: int) -> Fits:
    value = f"{{0}}::pg_catalog.{kind}"
    whole = f"pg_catalog.round({value})"
    # In double precision, the largest bigint is the number after it.
    exact = (kind, target) != ("float8", BIGINT)
    below = "" if exact else f" AND {whole} OPERATOR(pg_catalog.<) '{2**63}'::pg_catalog.float8"
    taken = _within(whole, kind, target) + below
    return Fits(f"{taken} AND {value} OPERATOR(pg_catalog.=) {whole}", taken, RANGES[target])


def _of_digits(precision: int, scale: int) -> Fits:
    rounded = f"pg_catalog.round({{0}}, {scale})"
    largest = f"'1e{precision - scale}'::pg_catalog.numeric"
    below = f"pg_catalog.abs({rounded}) OPERATOR(pg_catalog.<) {largest}"
    taken = f"({below} OR {{0}} OPERATOR(pg_catalog.=) 'NaN'::pg_catalog.numeric)"
    return Fits(f"{taken} AND {{0}} OPERATOR(pg_catalog.=) {rounded}", taken)


def _of_length(length: int) -> Fits:
    text = "{0}::pg_catalog.text"
    same = f"pg_catalog.length({text}) OPERATOR(pg_catalog.<=) {length}"
    return Fits(same, f"pg_catalog.length(pg_catalog.rtrim({text})) OPERATOR(pg_catalog.<=) {length}")
