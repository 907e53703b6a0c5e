"""The conditions that a CHECK demands one by one, read from the text of its definition by the server."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CHECK = re.compile(r"CHECK \((.*)\)", re.S)
#: A text or name in quotes, in which the quote itself is doubled; a parenthesis; the word between conditions.
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]| AND """)
#: A condition without parentheses around it: a column, or the call of a function.
_BARE = re.compile(r"""(?:[\w$.]|"(?:[^"]|"")*")+(?:\(.*\))?""", re.S)


def conjuncts(definition: str) -> Iterator[str]:
    """Yield conditions of a definition by ``pg_get_constraintdef()``: the CHECK is true or unknown only if all are.

    The server puts each condition into parentheses. A text of another form, from the outermost parentheses on, is one
    condition, whatever is inside. A constraint with NO INHERIT has none: inheriting tables do not have it.
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
    """Split at each AND outside parentheses and quotes."""
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
