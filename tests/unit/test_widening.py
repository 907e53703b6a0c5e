"""The types that keep every value of another type: the server converts the extreme ones there and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from django_zero_downtime_migrations.type_changes import TypeChange
from django_zero_downtime_migrations.type_changes.builtin import judge as judge_alone
from django_zero_downtime_migrations.type_changes.judge import judge
from tests.backends.sessions import run

VALUES = {
    "smallint": ("-32768", "32767"),
    "integer": ("-2147483648", "2147483647"),
    "bigint": ("-9223372036854775808", "9223372036854775807"),
    "real": ("-3.4028235e+38", "1.1754944e-38", "NaN", "-Infinity", "0.1"),
    "numeric(10,2)": ("-99999999.99", "0.01", "NaN"),
    "varchar(3)": ("äöü", "", "  "),
    "char(3)": ("äöü", "a"),
    "text": ("äöü", ""),
    "integer[]": ("{-2147483648,NULL}", "{}"),
    "varchar(3)[]": ("{äöü}",),
}
KEPT = [
    ("smallint", "integer"),
    ("smallint", "bigint"),
    ("smallint", "real"),
    ("smallint", "double precision"),
    ("smallint", "numeric(5,0)"),
    ("integer", "bigint"),
    ("integer", "double precision"),
    ("integer", "numeric(12,2)"),
    ("integer", "numeric"),
    ("bigint", "numeric(19,0)"),
    ("real", "double precision"),
    ("numeric(10,2)", "numeric(12,4)"),
    ("numeric(10,2)", "numeric"),
    ("varchar(3)", "varchar(4)"),
    ("varchar(3)", "text"),
    ("char(3)", "text"),
    ("text", 'text collate "C"'),
    ("integer[]", "bigint[]"),
    ("varchar(3)[]", "varchar(5)[]"),
]
#: Values that do not fit, or come back as others.
LOST = [
    ("integer", "smallint"),
    ("bigint", "integer"),
    ("bigint", "double precision"),
    ("integer", "real"),
    ("integer", "numeric(11,2)"),
    ("bigint", "numeric(18,0)"),
    ("numeric(10,2)", "numeric(10,3)"),
    ("numeric(10,2)", "numeric(12,1)"),
    ("numeric(10,2)", "bigint"),
    ("real", "numeric"),
    ("varchar(3)", "varchar(2)"),
    ("text", "varchar(3)"),
    ("varchar(3)", "char(5)"),
    ("text", "integer"),
    # Of which one that is far away is none.
    ("date", "timestamp"),
    ("timestamp", "timestamp with time zone"),
    ("json", "jsonb"),
    ("integer[]", "smallint[]"),
    ("double precision", "real"),
]


def judged(session: Any, old: str, new: str) -> Iterator[TypeChange]:
    """Yield the judgements with the server, and without."""
    run(session, f"CREATE TEMPORARY TABLE x (c {old})")
    kind, _, collation = new.partition(" collate ")
    wanted = (kind, collation.strip('"') or None, True)

    def fetch(sql: str, params: Any) -> list[tuple[Any, ...]]:
        return run(session, sql, *params)

    found = judge(fetch, "x", "c", *wanted)
    assert found is not None
    yield found
    yield judge_alone(old, "", wanted, False, ())


@pytest.mark.parametrize(("old", "new"), KEPT, ids=map(" to ".join, KEPT))
def test_every_value_is_the_same_one(other_session: Any, old: str, new: str) -> None:
    assert [change.keeps_values for change in judged(other_session, old, new)] == [True, True]
    kind = new.partition(" collate ")[0]
    for value in VALUES[old]:
        there = run(other_session, f"SELECT %s::{old}::text, (%s::{old}::{kind})::{old}::text", value, value)
        assert there[0][0] == there[0][1]


@pytest.mark.parametrize(("old", "new"), LOST, ids=map(" to ".join, LOST))
def test_a_value_may_be_lost(other_session: Any, old: str, new: str) -> None:
    assert [change.keeps_values for change in judged(other_session, old, new)] == [False, False]
