"""``check_migrations --explain``: the page of a rule, without a network."""

from __future__ import annotations

import difflib
from pathlib import Path

from ..errors import CannotJudge

#: Written by ``python -m docs.rules.generate``.
PAGES = Path(__file__).parent / "pages"


def explanation(rule: str) -> str:
    """Return the page of a rule.

    :param rule: its code, in any spelling.
    :raises CannotJudge: when no rule is called so.
    """
    code = rule.strip().upper().replace("-", "_")
    codes = sorted(page.stem for page in PAGES.glob("*.txt"))
    if code not in codes:
        likely = difflib.get_close_matches(code, codes, n=1) or codes
        raise CannotJudge(f"No rule is called {rule!r}: write {', '.join(likely)}.")
    return (PAGES / f"{code}.txt").read_text("utf-8")
