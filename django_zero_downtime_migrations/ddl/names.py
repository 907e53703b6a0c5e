"""Names inside pieces of SQL that Django quoted."""

from __future__ import annotations

import re

from ..naming import truncate, unquote

_QUOTED = re.compile(r'"((?:[^"]|"")+)"')


def names_in(sql: str) -> list[str]:
    """The quoted names of a piece of SQL, without their quotes, in order."""
    return [name.replace('""', '"') for name in _QUOTED.findall(sql)]


def plain_table(table: str) -> str:
    """A table's own name as the server keeps it, without its schema: the last of the quoted names."""
    return truncate(names_in(table)[-1]) if names_in(table) else truncate(unquote(table))
