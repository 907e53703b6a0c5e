"""The points at which a run can be interrupted, and the ones that are tried."""

from __future__ import annotations

import os
import re
import zlib
from typing import NamedTuple

#: How many points of each scenario are tried; FAULTS=all for all of them, and for more scenarios.
FAULTS = os.environ.get("FAULTS") or "1"
ALL = FAULTS == "all"
# Before and after a question that changes nothing the database is the same, and so is its neighbour's other side.
_QUESTION = re.compile(r"\s*(SELECT|WITH|SHOW)\b(?!.*(set_config|advisory|nextval|setval))", re.DOTALL)
HOW = ("kill", "terminate")


def is_question(sql: str) -> bool:
    return bool(_QUESTION.match(sql))


class Point(NamedTuple):
    """The parameters of ``fault.Fault``."""

    at: int
    when: str
    how: str


def points(sent: list[str]) -> list[Point]:
    """Return all points. Between the end of one round trip and the beginning of the next nothing happens: after the one
    is before the other.

    :param sent: what an uninterrupted run sends.
    """
    changes = [number for number, sql in enumerate(sent, 1) if not is_question(sql)]
    found = [Point(1, "before", how) for how in HOW]
    return found + [Point(at, when, how) for at in changes for when in ("after", "during") for how in HOW]


def chosen(sent: list[str], name: str) -> list[Point]:
    """Return the points to try: all, or some that are far from each other, other ones in each scenario."""
    found = points(sent)
    if ALL:
        return found
    apart = max(1, len(found) // int(FAULTS))
    return found[zlib.crc32(name.encode()) % apart :: apart][: int(FAULTS)]
