"""The forms of a duration. tests/facts/test_durations_as_postgresql_reads.py asks the server the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from django_zero_downtime_migrations.durations import LONGEST, parse_duration, read_duration


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (None, None),
        (0, 0),
        (2000, 2000),
        (LONGEST, LONGEST),
        ("0", 0),
        ("2s", 2000),
        ("500ms", 500),
        ("1min", 60_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("1500us", 2),
        ("1.5s", 1500),
        (" 2 s ", 2000),
        ("2000", 2000),
        (timedelta(seconds=2), 2000),
        (timedelta(milliseconds=1.5), 2),
        (timedelta(0), 0),
    ],
    ids=repr,
)
def test_duration_is_read_as_milliseconds(value, milliseconds):
    assert read_duration(value) == milliseconds


def test_fraction_is_rounded_to_the_next_smaller_unit():
    assert parse_duration("0.1d") == 2 * 3_600_000


@pytest.mark.parametrize("value", [True, False, 1.5, b"2s", [2000], object])
def test_value_of_another_type_is_refused(value):
    with pytest.raises(ValueError, match=f"is of type {type(value).__name__}"):
        read_duration(value)


@pytest.mark.parametrize(
    "value",
    [-1, "-1", "-2s", "-100us", timedelta(milliseconds=-1), timedelta(microseconds=-1)],
    ids=repr,
)
def test_negative_duration_is_refused(value):
    with pytest.raises(ValueError, match="is negative"):
        read_duration(value)


@pytest.mark.parametrize(
    "value",
    [LONGEST + 1, 10**400, "25d", "1e300d", "9" * 5000, "1e400", timedelta(days=25)],
    ids=lambda value: repr(value)[:20],
)
def test_duration_longer_than_a_timeout_can_hold_is_refused(value):
    with pytest.raises(ValueError, match="longer than PostgreSQL's longest timeout, 2147483647 ms"):
        read_duration(value)


@pytest.mark.parametrize("value", ["100us", "0.0004s", "0.5", "1e-400", timedelta(microseconds=1)])
def test_duration_that_would_round_to_no_limit_is_refused(value):
    with pytest.raises(ValueError, match="rounds to 0 ms, which would mean no limit"):
        read_duration(value)


@pytest.mark.parametrize("value", ["", " ", "s", "soon", "e5", "nan", "inf", "."])
def test_text_without_a_number_is_refused(value):
    with pytest.raises(ValueError, match="is not a duration that PostgreSQL can read"):
        read_duration(value)


@pytest.mark.parametrize(("value", "unit"), [("2S", "S"), ("1m", "m"), ("2 seconds", "seconds"), ("1s 5ms", "s 5ms")])
def test_unknown_unit_is_refused_by_name(value, unit):
    with pytest.raises(ValueError, match=f"does not know, '{unit}'"):
        read_duration(value)
