"""The meaning of raw SQL, if a parser with PostgreSQL's own grammar is installed (the extra ``lint``)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from ..naming import UTF8, Names
from . import statements as s
from .identifiers import spelled
from .meaning import Meaning

PARSER = "postgast"


@cache
def _installed() -> bool:
    return find_spec(PARSER) is not None


def meaning(raw: s.Raw, names: Names = UTF8) -> Meaning:
    """Return what raw SQL does.

    :param names: the spelling of names in the database.
    """
    if not _installed():
        return Meaning(unread="its SQL is not read: the extra `lint` is not installed")
    try:
        # The parser takes longer to import than the whole package, and most runs have no raw SQL.
        from .parse import parse

        found = parse(str(raw.sql), raw.params is not None)
        return found._replace(statements=tuple(spelled(x, names) for x in found.statements))
    except Exception as error:
        # The SQL is sent as it was written in any case, and must not fail because we do not understand it.
        return Meaning(unread=f"its SQL could not be read ({error!r})")
