"""The refusal of a run of ``migrate`` before its first statement: for all problems at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ..django_types import Migration
from ..errors import CannotMigrate, MigrationError, explain
from ..findings import Finding
from ..places import Place, location
from ..record import Row
from .verdicts import refusal

#: The advice for a refused finding.
WAYS_OUT = (
    "manage.py check_migrations shows what to write instead, with examples to paste. Where an operation is safe all "
    'the same, say why: SafetyAssured([...], reason="...") around it in its migration, or the setting ACCEPT.'
)


class Problem(Row):
    """One reason of a refusal.

    :param path: the operation's path, as in :class:`places.Place`; empty if only its migration is known.
    :param operation: its class.
    """

    migration: Migration
    path: tuple[int, ...]
    operation: str
    what: Finding | CannotMigrate

    @property
    def place(self) -> str:
        where = location(self.migration, self.path)
        name = f"{self.migration.app_label}.{self.migration.name}"
        head = f"{where}: " if where else ""
        return f"{head}{self.operation} ({name})" if self.operation else f"{head}{name}"

    def lines(self) -> Iterator[str]:
        if isinstance(self.what, CannotMigrate):
            yield from str(self.what).splitlines()
        else:
            yield from f"{self.what.code}: {self.what.details}".splitlines()


def problem(migration: Migration, place: Place | None, what: Finding | CannotMigrate) -> Problem:
    """Return the problem of a finding or an error.

    :param place: the operation's place; None if only its migration is known.
    """
    if place is None:
        return Problem(migration, (), "", what)
    return Problem(migration, place.path, type(place.operation).__name__, what)


def refused(problems: Sequence[Problem]) -> MigrationError:
    """Return the exception for all of them: of the kind, and with the text, of the first one; its note lists each."""
    first = problems[0].what
    text = _told(problems)
    if isinstance(first, CannotMigrate):
        explain(first, text)
        return first
    findings = tuple(x.what for x in problems if isinstance(x.what, Finding))
    return refusal(first, text, findings)


def _told(problems: Iterable[Problem]) -> str:
    places = [(place, list(group)) for place, group in groupby(problems, key=lambda problem: problem.place)]
    count = "1 operation is" if len(places) == 1 else f"{len(places)} operations are"
    lines = [f"Nothing has been applied. {count} refused:"]
    for place, group in places:
        lines += ["", place, *(f"    {line}" for problem in group for line in problem.lines())]
    if any(isinstance(problem.what, Finding) for _, group in places for problem in group):
        lines += ["", WAYS_OUT]
    return "\n".join(lines)
