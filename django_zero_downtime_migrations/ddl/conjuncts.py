"""The conditions that a CHECK demands one by one, in the text in which the server gives its definition."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CHECK = re.compile(r"CHECK \((.*)\)", re.S)
#: A text or name in quotes, in which the quote itself is doubled; a parenthesis; the word between conditions.
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]| AND """)
#: A condition that stands without parentheses around it: a column, or the call of a function.
_BARE = re.compile(r"""(?:[\w$.]|"(?:[^"]|"")*")+(?:\(.*\))?""", re.S)


def conjuncts(definition: str) -> Iterator[str]:
    """What ``pg_get_constraintdef()`` says of a CHECK that is true or unknown only if all of these are.

    The server puts each condition into parentheses. What does not look so from the outermost parentheses on is one
    condition, whatever is inside. Of a constraint with NO INHERIT there are none: what inherits does not have it.
    """
    found = _CHECK.fullmatch(definition)
    if found is not None:
        yield from _of(found[1])


def _of(condition: str) -> Iterator[str]:
    parts = _parts(condition[1:-1]) if _is_group(condition) else []
    if len(parts) > 1 and all(_is_group(part) or _BARE.fullmatch(part) for part in parts):
        for part in parts:
            yield from _of(part)
    else:
        yield condition


def _parts(text: str) -> list[str]:
    """Between each AND that stands in no parentheses and no quotes."""
    parts, start, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == " AND " and depth == 0:
            parts.append(text[start : token.start()])
            start = token.end()
    return [*parts, text[start:]]


def _is_group(text: str) -> bool:
    """Whether the first parenthesis is closed by the last one."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0:
            return token.end() == len(text) and text.startswith("(")
    return False
