"""The values that fit into a narrower type: the server converts each, and writes it into a column of that type."""

from __future__ import annotations

from typing import Any

import pytest

from django_zero_downtime_migrations.type_changes.builtin import judge as judge_alone
from django_zero_downtime_migrations.type_changes.judge import judge
from tests.backends.sessions import run

INT = ("-2147483649", "-2147483648", "0", "2147483647", "2147483648")
BEYOND = ("NaN", "Infinity", "-Infinity")
#: Values on both sides of each bound.
VALUES = {
    ("integer", "smallint"): ("-32769", "-32768", "32767", "32768"),
    ("bigint", "smallint"): ("-32769", "-32768", "32767", "32768", "9223372036854775807"),
    ("bigint", "integer"): INT,
    ("numeric", "integer"): (*INT, "2147483647.4", "2147483647.5", "-2147483648.4", "-2147483648.5", "0.5", *BEYOND),
    ("numeric(12,2)", "smallint"): ("32767.49", "32767.5", "-32768.5", "7.00", "NaN"),
    ("numeric", "bigint"): ("9223372036854775807", "9223372036854775807.5", "-9223372036854775808.5", "1e30"),
    ("double precision", "integer"): (*INT, "2147483647.5", "-2147483648.5", "2.5", "-0", "1e300", *BEYOND),
    ("double precision", "bigint"): ("9223372036854775807", "9223372036854774784", "-9223372036854775808", "1e19"),
    ("real", "smallint"): ("32767", "32767.5", "-32768.5", "1e30", "0.1", *BEYOND),
    ("numeric(10,4)", "numeric(6,2)"): ("9999.99", "9999.994", "9999.995", "-9999.9951", "10000", "0.0001", "NaN"),
    ("numeric", "numeric(6,2)"): ("9999.99", "9999.995", "1.230000", "1e9", *BEYOND),
    ("numeric(8,2)", "numeric(6,2)"): ("9999.99", "10000", "-10000", "NaN"),
    ("numeric(8,2)", "numeric(8,4)"): ("9999.99", "10000", "NaN"),
    ("varchar(5)", "varchar(3)"): ("", "äöü", "abcd", "abc ", "ab   ", "abc\t"),
    ("text", "varchar(3)"): ("", "äöü", "abcd", "abc       ", "   ", "    ", "abc\t"),
    ("varchar", "varchar(3)"): ("abc", "abcd", "abc "),
}
#: Of these it is not known, or it could only be told by a conversion that fails.
UNKNOWN = [
    ("double precision", "real"),
    ("real", "numeric"),
    ("text", "integer"),
    ("varchar(5)", "char(5)"),
    ("char(5)", "varchar(3)"),
    ("timestamp", "date"),
    ("jsonb", "json"),
    ("bigint[]", "integer[]"),
    ("text", "name"),
]


#: What the server says of a value that does not fit; of NaN it is the last one.
REFUSED = ("NumericValueOutOfRange", "StringDataRightTruncation", "FeatureNotSupported")


def judged(session: Any, old: str, new: str) -> Any:
    def fetch(sql: str, params: Any) -> list[tuple[Any, ...]]:
        return run(session, sql, *params)

    run(session, f"CREATE TEMPORARY TABLE x (c {old}, n {new})")
    found = judge(fetch, "x", "c", new, None, True)
    assert found is not None
    assert found.fits == judge_alone(old, "", (new, None, True), False, ()).fits
    return found.fits


def taken(session: Any, old: str, value: str) -> bool:
    """Whether a column takes it."""
    run(session, "SAVEPOINT before")
    try:
        run(session, f"INSERT INTO x (n) SELECT v FROM (SELECT %s::{old} AS v) AS of", value)
    except Exception as error:
        assert type(error).__name__ in REFUSED
        run(session, "ROLLBACK TO SAVEPOINT before")
        return False
    return True


def comes_back(session: Any, old: str, new: str, value: str) -> bool:
    """Whether it is the same value in the other type: a text with the same letters, a number that is equal."""
    kind = "text" if "char" in new else old
    [(same,)] = run(session, f"SELECT (%s::{old}::{new})::{kind} = %s::{kind}", value, value)
    return bool(same)


@pytest.mark.parametrize(("old", "new"), VALUES, ids=map(" to ".join, VALUES))
def test_a_value_fits_if_the_server_takes_it(other_session: Any, old: str, new: str) -> None:
    fits = judged(other_session, old, new)
    told, found = set(), set()
    for value in VALUES[old, new]:
        [(is_same, is_taken)] = run(
            other_session,
            f"SELECT {fits.same.format('v')}, {fits.taken.format('v')} FROM (SELECT %s::{old} AS v) AS of",
            value,
        )
        assert is_taken == taken(other_session, old, value), value
        assert is_same == (is_taken and comes_back(other_session, old, new, value)), value
        told.add(is_same)
        found.add(is_taken)
    assert told == found == {True, False}


@pytest.mark.parametrize(("old", "new"), UNKNOWN, ids=map(" to ".join, UNKNOWN))
def test_of_others_nothing_is_known(other_session: Any, old: str, new: str) -> None:
    assert judged(other_session, old, new) is None
