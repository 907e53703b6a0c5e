"""The forms of the queries that our rewrites and Django's own templates make: the object that each is about.

Only the head of a query is read, whose form we know; the server reads what the query says of the object.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence

from ....record import Record, Row
from .server import Server

NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
PATH = rf"{NAME}(?:\.{NAME})*"
NAMES = rf"{NAME}(?:, {NAME})*"
TABLE = rf"ALTER TABLE (?:ONLY )?(?P<table>{PATH}) "
COLUMN = rf"{TABLE}ALTER COLUMN (?P<column>{NAME}) "


class Verdict(enum.Enum):
    #: The query's result is there.
    DONE = "done"
    #: An object of this name is there, with another definition.
    DIFFERS = "differs"
    #: The query still has to be run; the server's error stands.
    ABSENT = "absent"
    #: An index with this definition is there, INVALID: to be rebuilt (``execution.already_there.index_builds``).
    INVALID = "invalid"


class Probe(Row):
    """The answer to a question.

    :param what: the object, in words.
    :param there: its definition.
    :param wanted: the query's definition.
    :param gone: the query removes the object, and is done when there is none.
    """

    verdict: Verdict
    what: str
    there: str = ""
    wanted: str = ""
    gone: bool = False


class Asked(Record):
    """A query whose form is known.

    :param parts: the names in it.
    :param table: the statement's table, as in SQL; may be empty.
    :param then: what is sent after it in the same step.
    """

    server: Server
    parts: dict[str, str]
    table: str
    then: Sequence[str]

    def __getitem__(self, part: str) -> str:
        return self.parts[part]


Question = Callable[[Asked], Probe]
Found = tuple[Question, dict[str, str]]


class Forms:
    """The forms of one kind of object, each with its question."""

    def __init__(self) -> None:
        self._questions: list[tuple[re.Pattern[str], Question]] = []

    def __call__(self, pattern: str) -> Callable[[Question], Question]:
        """Register the question for queries that begin with the pattern.

        :param pattern: its named groups are :attr:`Asked.parts`.
        """

        def register(question: Question) -> Question:
            self._questions.append((re.compile(pattern, re.S), question))
            return question

        return register

    def find(self, sql: str) -> Found | None:
        """Return the question for a query, and the names in it; None for an unknown form."""
        for pattern, ask in self._questions:
            if found := pattern.match(sql):
                return ask, {name: part or "" for name, part in found.groupdict().items()}
        return None


def gone(is_gone: bool, what: str) -> Probe:
    return Probe(Verdict.DONE if is_gone else Verdict.ABSENT, what, gone=True)


def renamed(what: str, old: str | None, new: str | None) -> Probe:
    """Judge a rename.

    :param old: the definition of the object with the old name; None if there is none.
    :param new: the definition of the object with the new name; None if there is none.
    """
    if old is not None and new is not None:
        return Probe(Verdict.DIFFERS, what, new, f"{old}, under the new name")
    return Probe(Verdict.DONE if new is not None else Verdict.ABSENT, what, new or "")
