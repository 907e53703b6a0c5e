"""A report for people: each finding with its place, what it does, and what to write instead."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from ..findings import Kind, Severity
from ..places import Location
from ..printable import printable
from ..sizes import readable
from .forecast import total
from .report import Entry, Options, Report, UnusedAssurance

WIDTH = 100
#: Escape sequences of ANSI terminals: bold red, bold yellow, bold blue.
COLOURS = {Severity.REFUSE: "1;31", Severity.WARN: "1;33", Severity.NOTE: "1;34"}


def render(report: Report, options: Options) -> str:
    lines: list[str] = []
    for entry in report.entries:
        if not entry.baselined:
            lines += [*_entry(entry, options), ""]
    lines += others(report)
    return "\n".join([*lines, *summary(report), ""])


def _entry(entry: Entry, options: Options) -> Iterator[str]:
    finding = entry.finding
    severity = f"accepted {entry.severity.value}" if finding.assured else entry.severity.value
    head = f"{severity} {finding.code}"
    colour = COLOURS[entry.severity] if options.colour and not finding.assured else ""
    yield f"{_place(entry.location)}{_coloured(head, colour)} ({entry.app}.{entry.migration}{_operation(entry)})"
    yield from _wrapped(finding.message)
    if finding.table:
        yield from _wrapped(_table(entry))
    if entry.eased:
        yield from _wrapped(f"Not refused: {entry.eased}.")
    if finding.assured:
        by = f" (ACCEPT, {finding.accept!r})" if finding.accept else ""
        yield from _wrapped(f"Accepted: {finding.assured}{by}")
        return
    if finding.sql:
        yield from _wrapped(f"SQL: {finding.sql}")
    yield from _wrapped(f"Instead: {finding.instead}")
    if entry.example:
        yield from ("", *textwrap.indent(entry.example, "        ").splitlines())


def _wrapped(text: str) -> list[str]:
    one_line = printable(" ".join(text.split()))
    return textwrap.wrap(one_line, WIDTH, initial_indent="    ", subsequent_indent="      ", break_long_words=False)


def _place(location: Location | None) -> str:
    return f"{location}: " if location else ""


def _operation(entry: Entry) -> str:
    origin = entry.finding.origin
    names = ".".join(name for name in (origin.model, origin.field) if name)
    return f", {entry.operation} {names}".rstrip() if entry.operation else ""


def _table(entry: Entry) -> str:
    parts = [f"Table {entry.finding.table}"]
    if entry.rows is not None:
        parts.append(f"about {entry.rows:,} rows")
    if entry.size is not None:
        parts.append(readable(entry.size))
    text = ", ".join(parts)
    # A lock behind the others is held for a moment only.
    if entry.lock and entry.finding.kind is Kind.LOCK:
        text += f"; {entry.lock} blocks {entry.blocks}" if entry.blocks else f"; {entry.lock} blocks no queries"
    return text


def _coloured(text: str, colour: str) -> str:
    return f"\033[{colour}m{text}\033[0m" if colour else text


def others(report: Report) -> Iterator[str]:
    """Yield the lines about what is not a finding."""
    if report.unanalysed:
        yield "Not analysed:"
        for each in report.unanalysed:
            yield f"    {_place(each.location)}{each.operation} ({each.app}.{each.migration}): {printable(each.why)}"
        yield ""
    if report.forecast:
        yield "Takes its time:"
        yield from (f"    {_place(step.location)}{printable(str(step))}" for step in report.forecast)
        yield ""
    yield from _unused("SafetyAssured", [x for x in report.unused_assurances if not x.accept])
    yield from _unused("ACCEPT", [x for x in report.unused_assurances if x.accept])


def _unused(what: str, assurances: list[UnusedAssurance]) -> Iterator[str]:
    if assurances:
        yield f"{what} that nothing needs:"
        for unused in assurances:
            key = f"{unused.accept}: " if unused.accept else ""
            yield f"    {_place(unused.location)}{key}{printable(unused.reason)} ({unused.app}.{unused.migration})"
        yield ""


def summary(report: Report) -> Iterator[str]:
    """Yield the sentences with the numbers."""
    counts = [
        _number(len(report.of(Severity.REFUSE)), "refused", "refused"),
        _number(len(report.of(Severity.WARN)), "warning", "warnings"),
        _number(len(report.of(Severity.NOTE)), "note", "notes"),
    ]
    assured = sum(bool(entry.finding.assured) for entry in report.entries)
    old = sum(entry.baselined for entry in report.entries)
    counts += [f"{assured} accepted"] if assured else []
    counts += [f"{old} in the baseline"] if old else []
    counts += [f"{len(report.unanalysed)} not analysed"] if report.unanalysed else []
    judged = _number(report.migrations, "migration", "migrations")
    yield f"{judged} judged: {', '.join(counts)}."
    if report.forecast:
        yield printable(str(total(report.forecast)))
    if report.not_judged:
        others = _number(report.not_judged, "migration of an installed package", "migrations of installed packages")
        yield f"{others} not judged: add --include-third-party, or name the app."
    if report.excluded:
        yield f"{_number(report.excluded, 'migration', 'migrations')} excluded by the project."


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
