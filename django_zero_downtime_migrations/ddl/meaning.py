"""What raw SQL means, where a parser with PostgreSQL's own grammar is installed (the extra ``lint``)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import NamedTuple

from . import statements as s

PARSER = "postgast"


class Meaning(NamedTuple):
    """:param statements: what it does to tables; what does nothing to them is left out.

    :param unread: why nobody knows all that it does; empty where it has been read.
    """

    statements: tuple[s.Statement, ...] = ()
    unread: str = ""


@cache
def _installed() -> bool:
    return find_spec(PARSER) is not None


def meaning(raw: s.Raw) -> Meaning:
    if not _installed():
        return Meaning(unread="its SQL is not read: the extra `lint` is not installed")
    try:
        # The parser takes longer to import than the whole package, and most runs have no raw SQL.
        from .parse import parse

        return parse(str(raw.sql), raw.params is not None)
    except Exception as error:
        # The SQL is sent as it was written in any case, and must not fail for our not understanding it.
        return Meaning(unread=f"its SQL could not be read ({error!r})")
