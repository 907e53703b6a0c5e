"""The server and we read a duration alike."""

from __future__ import annotations

import pytest
from django.db import DataError

from django_zero_downtime_migrations.durations import parse_duration

# fmt: off
TEXTS = [
    # plain numbers, signs, spaces
    "0", "1", "00", "-0", "+5", "-1", "-5s", " 5", "5 ", "\t2s\n", "2 s", " 2s ", "500 ms", "1ms x", "1 min 2s",
    # units
    "501us", "1001us", "1500us", "2500us", "3500us", "500ms", "2s", "1min", "1h", "1d", "2S", "1MIN", "1m", "2sec",
    "2 seconds", "1hr", "1w", "s", "ms", "1s2", "2\u00a0s",
    # fractions and exponents
    "1.5s", "1.5", "2.5", "3.5ms", "1.s", "1.", "0.", ".5s", " .5s", "+.5s", "-.5s", "-1.5", "2.0005s", "0.1d", "0.3d",
    "1.00001h", "1..s", "1.5.2", "1,5s", ".", ". s", "1e3", "1E3", "1e+3", "1e3ms", "1e3 s", "1e5 us", "1e", "1e s",
    "e5", "0e0", "1e400",
    # as C reads integers
    "010", "08", "08.5", "07.5s", "0x10", "0x10s", "0X1F", "0x1e3", "0x", "0b1", "0o7", "1_000",
    # limits
    "2147483647", "2147483648", "2147483647.4", "2147483647.5", "2147483647499us", "24d", "24.9d", "25d", "596h",
    "597h", "99999999999999999999", "99999999999999999999us", "1e300d",
    # no numbers
    "", "   ", "default", "inf", "nan", "\u0661s",
]
# fmt: on

ROUNDED_AWAY = ["1us", "400us", "500us", "-1us", "0.5", "-0.4", "0.0004s", "1e-5s"]


def milliseconds_on_server(cursor, text):
    """Ask the server; None if it refuses the text."""
    try:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [text])
    except DataError:
        return None
    cursor.execute("SELECT setting::integer FROM pg_settings WHERE name = 'lock_timeout'")
    return cursor.fetchone()[0]


def milliseconds_here(text):
    try:
        return parse_duration(text)
    except ValueError:
        return None


def test_same_texts_are_accepted_as_the_same_milliseconds(stock_database):
    with stock_database.cursor() as cursor:
        on_server = {text: milliseconds_on_server(cursor, text) for text in TEXTS}
    assert {text: milliseconds_here(text) for text in TEXTS} == on_server


@pytest.mark.parametrize("text", ROUNDED_AWAY)
def test_what_the_server_would_round_to_no_limit_is_refused(stock_database, text):
    with stock_database.cursor() as cursor:
        assert milliseconds_on_server(cursor, text) == 0
    assert milliseconds_here(text) is None
