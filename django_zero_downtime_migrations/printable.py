"""Text from a database for a terminal, a log or a script: names, queries, rows, definitions."""

from __future__ import annotations

import unicodedata
from typing import Final

#: Control characters (also those that end a line or begin an escape sequence), format characters (also those that turn
#: the direction of writing), half characters, and the two that separate lines and paragraphs.
_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str, *, lines: bool = False) -> str:
    r"""Replace each invisible character by its escape in Python: ``\n``, ``\x1b``, ``\u202e``.

    :param lines: keep line feeds and tabs, in a text of several lines.
    """
    if text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(x if x in kept or unicodedata.category(x) not in _ESCAPED else _escape(x) for x in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
