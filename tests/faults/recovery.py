"""A run that is interrupted at a point, and the end of the next run."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, NamedTuple

from .copies import Outcome, copies_of, copy_of, outcome
from .points import Point, chosen
from .project import Run

JOURNAL = "zero_downtime_migrations_journal"
NOTHING_TO_DO = ("No migrations to apply", "Nothing is owed")
#: migrate(database, **fault) is the run in question.
Migrate = Callable[..., Run]


class Failure(NamedTuple):
    """A failed recovery.

    :param silent: the second run has succeeded, and has made something else.
    """

    point: Point
    sql: str
    silent: bool
    text: str

    def __str__(self) -> str:
        return f"{self.point.how} {self.point.when} {self.point.at}: {self.sql[:200]}\n{self.text}"


class Tried(NamedTuple):
    """The tried points.

    :param interrupted: how often a run was.
    :param failures: the points from which the next run did not recover.
    """

    interrupted: int
    failures: list[Failure]


def interrupt_everywhere(
    database: str,
    migrate: Migrate,
    name: str,
    *,
    hidden: tuple[str, ...] = (),
    between: Callable[[str], None] | None = None,
    choose: Callable[[list[str], str], list[Point]] = chosen,
    view: Callable[[Outcome], Outcome] = lambda found: found,
) -> Tried:
    """Interrupt a run at each point, and run it again.

    :param database: the database to begin with.
    :param name: the scenario's name.
    :param hidden: as in :func:`outcome`.
    :param between: what happens to the database between the two runs.
    :param choose: the points.
    :param view: the part of an outcome that has to be the same.
    """

    def result(name: str) -> Outcome:
        return view(outcome(name, hidden))

    with copy_of(database) as reference:
        whole = migrate(reference)
        assert whole.status == 0, whole.said
        assert not whole.left, whole.left
        expected = result(reference)
    assert_no_journal(expected)

    def tried(wanted: list[Point]) -> Tried:
        interrupted, failures = 0, []
        for point, copied in zip(wanted, copies_of(database, len(wanted)), strict=True):
            first = migrate(copied, **point._asdict())
            if not first.happened:
                continue
            interrupted += 1
            if between is not None:
                between(copied)
            if wrong := _wrong(copied, migrate, expected, result):
                silent, text = wrong
                failures.append(Failure(point, whole.sent[point.at - 1], silent, text))
        return Tried(interrupted, failures)

    wanted = choose(whole.sent, name)
    found = tried(wanted)
    # Rows are changed in as many batches as the clock allows: a run may be over before it comes to a late point.
    return found if found.interrupted else tried([point._replace(at=max(1, point.at // 2)) for point in wanted])


def _wrong(
    database: str, migrate: Migrate, expected: Outcome, result: Callable[[str], Outcome]
) -> tuple[bool, str] | None:
    """Return whether the failure was silent, and what is wrong."""
    again = migrate(database)
    if again.status:
        return False, again.said[-3000:]
    found = result(database)
    if again.left:
        return True, f"left in the session: {again.left}"
    if found != expected:
        return True, difference(expected, found)
    third = migrate(database)
    if third.status or (third.said and not any(words in third.said for words in NOTHING_TO_DO)):
        return True, f"not finished: {third.said}"
    return None


def difference(expected: Outcome, found: Outcome) -> str:
    wanted, there = (
        [*x.schema.splitlines(), *(f"{table}: {row}" for table, rows in x.rows.items() for row in rows)]
        for x in (expected, found)
    )
    return "\n".join(difflib.unified_diff(wanted, there, "uninterrupted", "recovered", lineterm="", n=0))[:3000]


def assert_no_journal(found: Outcome) -> None:
    assert JOURNAL not in found.schema


def record(tried: Tried, record_property: Callable[[str, Any], None]) -> None:
    """Record the counts for the summary."""
    record_property("interruptions", tried.interrupted)
    record_property("not recovered", len(tried.failures))
