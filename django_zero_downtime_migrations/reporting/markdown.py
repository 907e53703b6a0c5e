"""A report as Markdown, for a comment on a pull or merge request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..findings import Severity
from .annotations import checked_out, effect
from .report import Entry, Options, Report
from .text import others, summary

#: GitHub refuses a comment of more characters; GitLab takes a million.
LIMIT = 65_536
CUT = "\n\nThe rest is left out: a comment has at most 65,536 characters. `check_migrations` prints all of it.\n"
WORDS = {Severity.REFUSE: "Refused", Severity.WARN: "Warning", Severity.NOTE: "Note"}


def render(report: Report, options: Options) -> str:
    """Render the verdict, a table of the findings, and for each the SQL and what to write instead."""
    shown = [entry for entry in report.entries if not entry.baselined]
    lines = ["### Migrations", "", _verdict(report, options), ""]
    if shown:
        lines += ["| | Rule | Migration | Table |", "|---|---|---|---|", *map(_row, shown), ""]
    for entry in shown:
        lines += [*_details(entry), ""]
    rest = list(others(report))
    if rest:
        lines += _fenced("\n".join(rest).strip(), "text")
    text = "\n".join(lines).rstrip() + "\n"
    return text if len(text) <= LIMIT else _cut(text)


def _verdict(report: Report, options: Options) -> str:
    failing = sum(len(report.of(severity)) for severity in options.failing)
    fails = failing or (options.unanalysed_fails and report.unanalysed)
    verdict = "**Not to be deployed like this.**" if fails else "**Nothing stops this deployment.**"
    return f"{verdict} {' '.join(map(_escaped, summary(report)))}"


def _row(entry: Entry) -> str:
    cells = (_word(entry), f"`{entry.finding.code}`", f"{_code(_place(entry))}", _escaped(_table(entry)))
    return f"| {' | '.join(cells)} |"


def _word(entry: Entry) -> str:
    return "Accepted" if entry.finding.assured else WORDS[entry.severity]


def _place(entry: Entry) -> str:
    if entry.location is None:
        return f"{entry.app}.{entry.migration}"
    return f"{checked_out(entry.location.path)}:{entry.location.line}"


def _table(entry: Entry) -> str:
    return ", ".join(part for part in (entry.finding.table, effect(entry)) if part)


def _details(entry: Entry) -> Iterator[str]:
    finding = entry.finding
    yield f"<details><summary>{_html(finding.message)}</summary>"
    yield ""
    if finding.assured:
        yield f"Accepted: {_escaped(finding.assured)}"
    else:
        if entry.eased:
            yield f"Not refused: {_escaped(entry.eased)}."
        if finding.sql:
            yield from _fenced(finding.sql, "sql")
        yield f"Instead: {_escaped(finding.instead)}"
        if entry.example:
            yield ""
            yield from _fenced(entry.example, "python")
    yield ""
    yield f"More: `python manage.py check_migrations --explain {finding.code}`"
    yield ""
    yield "</details>"


def _fenced(text: str, language: str) -> list[str]:
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence, ""]


def _code(text: str) -> str:
    """A name in a cell of a table; a backtick would end it, and a bar the cell."""
    return f"`{text}`" if "`" not in text and "|" not in text else _escaped(text)


def _escaped(text: str) -> str:
    """Text of a paragraph, in which nothing is mark-up; people and teams are not told by an @."""
    plain = re.sub(r"([\\`*_{}\[\]()#+!|~-])", r"\\\1", _html(" ".join(text.split())))
    return plain.replace("@", "@\u200b")


def _html(text: str) -> str:
    return (
        " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")
    )


def _cut(text: str) -> str:
    """Cut behind the last finding for which there is room."""
    end = text.rfind("</details>\n", 0, LIMIT - len(CUT))
    if end < 0:
        end = text.rfind("\n", 0, LIMIT - len(CUT))
        return text[:end] + CUT
    return text[: end + len("</details>\n")] + CUT
