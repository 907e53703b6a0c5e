"""The result of ``check_release`` for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..printable import printable
from .comparison import Break, Comparison

VERSION = 1
#: How much of a statement is shown.
SQL_LENGTH = 160


def as_text(found: Comparison) -> str:
    return "\n".join([*_lines(found), ""])


def _lines(found: Comparison) -> Iterator[str]:
    if not found.pending:
        yield f"This release has no migration that {found.against} does not have."
    yield from _part(f"The code of {found.against}, after migrations of this release:", found.old_code)
    yield from _part(f"The code of {found.against}, when they have been taken back:", found.taken_back)
    yield from _part("The code of this release, before its migrations:", found.new_code)
    if found.not_judged:
        yield "Not judged, since it fails on the release's own schema as well:"
        for failure in found.not_judged:
            yield f"    {failure.action} of {failure.model}: {printable(failure.error)}"
        yield ""
    yield from _verdict(found)


def _part(title: str, breaks: Sequence[Break]) -> Iterator[str]:
    if not breaks:
        return
    yield title
    for each in breaks:
        failure = each.failure
        since = f" from {each.since} on" if each.since else ""
        yield f"    {failure.action} of {failure.model} fails{since}: {printable(failure.error)}"
        if failure.sql:
            sql = printable(" ".join(failure.sql.split()))
            yield f"        {sql if len(sql) <= SQL_LENGTH else sql[:SQL_LENGTH] + '…'}"
    yield ""


def _verdict(found: Comparison) -> Iterator[str]:
    if not found.old_code:
        yield f"{found.against} can be deployed beside and after this release: all that its models send works."
    elif found.last_safe:
        yield f"{found.against} can be deployed again until {found.last_safe}, and not after that migration."
    else:
        yield f"{found.against} cannot be deployed again once {found.pending[0]} has run."
    if found.stays:
        yield f"The migrations cannot be taken back: {printable(found.stays)}"
    elif found.taken_back:
        yield "When they have been taken back, it does not work either."
    if found.new_code:
        yield "The code of this release needs its migrations first."


def as_json(found: Comparison) -> str:
    data = {
        "version": VERSION,
        "against": found.against,
        "pending": found.pending,
        "last_safe": found.last_safe or None,
        "old_code": list(map(_break, found.old_code)),
        "new_code": list(map(_break, found.new_code)),
        "taken_back": list(map(_break, found.taken_back)),
        "stays": found.stays or None,
        "not_judged": [failure._asdict() for failure in found.not_judged],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _break(each: Break) -> dict[str, Any]:
    return {**each.failure._asdict(), "since": each.since or None}
