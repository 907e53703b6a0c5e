"""Conclusions from what was seen of old code: pure sums."""

from __future__ import annotations

from typing import Any

import pytest

from django_zero_downtime_migrations.execution.owed.evidence import OldSession, Seen, Server, judge, told

HOUR = 3_600_000
SEEN = Seen(since=1000.0, quiet=1000.0, at=1000.0, started=500.0, reset="r", counted=7)
LATER = Server(now=5000.0, started=500.0, reset="r", is_pooled=False, sessions=())


def session(began: float | None, application: str = "release 41") -> OldSession:
    return OldSession(42, application, "app", began)


def verdict(counted: int | None = 7, before: Seen | None = SEEN, quiet: int = HOUR, **of_server: Any) -> Any:
    return judge(LATER._replace(**of_server), before, counted, quiet)


def test_nothing_was_seen_for_long_enough() -> None:
    assert verdict() == (SEEN._replace(at=5000.0), ())
    assert verdict(sessions=(session(1001.0),)).reasons == ()


def test_the_first_look_begins_the_time() -> None:
    found = verdict(before=None)
    assert found.seen == Seen(5000.0, 5000.0, 5000.0, 500.0, "r", 7)
    assert found.reasons == ("nothing of old code was seen for 0 s of 1 h",)
    assert verdict(before=None, quiet=0).reasons == ()


@pytest.mark.parametrize(
    ("of_server", "counted", "word"),
    [
        ({"sessions": (session(900.0),)}, 7, "release 41, role app, pid 42, since 1.14 h"),
        ({"sessions": (session(1000.0),)}, 7, "sessions from before the change are there"),
        ({"sessions": (session(None),)}, 7, "GRANT pg_read_all_stats"),
        ({"sessions": (session(900.0, ""),)}, 7, "no application_name"),
        ({"is_pooled": True}, 7, "behind the pooler"),
        ({"started": 4000.0}, 7, "the server was started 16.7 min ago, or is another one"),
        ({"reset": "s"}, 7, "statistics were reset"),
        ({}, 6, "statistics were reset"),
        ({}, 8, "the table was used since the last look, 1.11 h ago"),
    ],
)
def test_what_is_seen_begins_the_time_anew(of_server: dict[str, Any], counted: int, word: str) -> None:
    found = verdict(counted, **of_server)
    first, last = found.reasons
    assert word in first
    assert last == "nothing of old code was seen for 0 s of 1 h"
    assert (found.seen.quiet, found.seen.since, found.seen.counted) == (5000.0, 1000.0, counted)
    # And even where no time is asked for, this look is not enough.
    assert verdict(counted, quiet=0, **of_server).reasons == (first,)


def test_of_a_column_the_statistics_say_nothing() -> None:
    assert verdict(None, SEEN._replace(counted=None), reset="s").reasons == ()
    assert verdict(None).reasons == ()


@pytest.mark.parametrize(
    ("before", "written", "word"),
    [
        (3, 17, "old code wrote the column 14 times since the last look, 1.11 h ago"),
        (3, 2, "was reset or taken away since the last look"),
        (3, None, "was reset or taken away since the last look"),
    ],
)
def test_a_counter_that_has_changed_begins_the_time_anew(before: int, written: int | None, word: str) -> None:
    found = judge(LATER, SEEN._replace(counted=None, written=before), None, HOUR, written)
    assert word in found.reasons[0]
    assert (found.seen.quiet, found.seen.written) == (5000.0, written)


@pytest.mark.parametrize(("before", "written"), [(3, 3), (None, None), (None, 5)])
def test_a_counter_that_has_not_or_is_new_says_nothing(before: int | None, written: int | None) -> None:
    found = judge(LATER, SEEN._replace(counted=None, written=before), None, HOUR, written)
    assert (found.reasons, found.seen.written) == ((), written)


def test_many_sessions_are_not_all_named() -> None:
    [reason, _] = verdict(sessions=tuple(session(900.0) for _ in range(8))).reasons
    assert reason.endswith(" and 3 more")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (90, "1.5 min"), (3600, "1 h"), (3 * 86_400, "3 d"), (-1, "0 s")]
)
def test_times_are_told_in_fitting_units(seconds: float, text: str) -> None:
    assert told(seconds) == text
