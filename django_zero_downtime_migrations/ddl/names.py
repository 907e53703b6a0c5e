"""Names inside pieces of SQL that Django quoted."""

from __future__ import annotations

import re

_QUOTED = re.compile(r'"((?:[^"]|"")+)"')


def names_in(sql: str) -> list[str]:
    """The quoted names of a piece of SQL, without their quotes, in order."""
    return [name.replace('""', '"') for name in _QUOTED.findall(sql)]
