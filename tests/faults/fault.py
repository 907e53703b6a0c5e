"""A fault in a run, and its place."""

from __future__ import annotations

import re


class Fault:
    """A fault.

    :param at: the number of the round trip, from 1; 0 for none.
    :param when: ``before``, ``during`` or ``after`` it.
    :param how: ``kill`` the process, or ``terminate`` or ``cancel`` its session on the server.
    :param sql: instead of a number, a regular expression: the first statement that it finds.
    :ivar sent: what has been sent so far.
    :ivar happened: whether it has.
    """

    def __init__(self, at: int = 0, when: str = "before", how: str = "kill", sql: str = "") -> None:
        self.at = at
        self.when = when
        self.how = how
        self.sql = sql
        self.sent: list[str] = []
        self.happened = False

    def next(self, sql: str) -> None:
        self.sent.append(sql)
        if not self.at and self.sql and re.search(self.sql, sql):
            self.at = len(self.sent)

    def is_due(self, when: str) -> bool:
        return len(self.sent) == self.at and when == self.when
