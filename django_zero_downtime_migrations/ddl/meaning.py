"""The meaning of raw SQL: what it does to tables, as far as it is known."""

from __future__ import annotations

from ..record import Row
from . import statements as s


class Meaning(Row):
    """The meaning of raw SQL.

    :param statements: what it does to tables; other effects are left out.
    :param unread: why a part of it is unknown; empty if it has been read.
    """

    statements: tuple[s.Statement, ...] = ()
    unread: str = ""
