"""Operations that are complete and of which the catalogue shows nothing: one line of the log stands for all of them.

The user's own SQL and code are marked as done with each of their statements. A migration of two thousand of them would
otherwise write two thousand keys, each again with the next ones of its part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .store import Done

_KEY = re.compile(r"operations (\d+) to (\d+)")


def numbers(key: str) -> range:
    """The numbers of the operations that a key of the log stands for; none for the key of a call."""
    found = _KEY.fullmatch(key)
    return range(int(found[1]), int(found[2]) + 1) if found else range(0)


def joined(part: Sequence[Done], ended: Mapping[int, Sequence[str]]) -> list[Done]:
    """A part of the log in which the calls of such operations are one entry.

    :param ended: the keys of all calls of each operation that has ended, by its number.
    """
    first = {keys[0]: number for number, keys in ended.items() if keys}
    made: list[Done] = []
    at = 0
    while at < len(part):
        number = first.get(part[at].key)
        calls = part[at : at + len(ended[number])] if number is not None else []
        if number is not None and [done.key for done in calls] == list(ended[number]) and not _are_seen(calls):
            before = numbers(made[-1].key) if made else range(0)
            if before and before.stop == number:
                made.pop()
            else:
                before = range(number, number)
            made.append(Done(f"operations {before.start} to {number}"))
            at += len(calls)
        else:
            made.append(part[at])
            at += 1
    return made


def _are_seen(calls: Sequence[Done]) -> bool:
    return any(done.queries for done in calls)
