"""JUnit's XML: a test case for each finding, and for each migration without one.

The form is the one that Jenkins, GitLab and others read: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from .annotations import Note, notes
from .report import Options, Report

#: The characters that XML 1.0 cannot have, also as references.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report, options: Options) -> str:
    """Render what makes the check fail as failures, the rest as passed, and what was not analysed as skipped."""
    found = list(notes(report))
    failing = [note for note in found if _fails(note, options)]
    skipped = [note for note in found if note.code == "UNANALYSED" and note not in failing]
    about = {note.migration for note in found}
    cases = [*(_case(note, options) for note in found), *map(_passed, [x for x in report.judged if x not in about])]
    counts = f'tests="{len(cases)}" failures="{len(failing)}" errors="0" skipped="{len(skipped)}"'
    suite = [f'  <testsuite name="check_migrations" {counts}>', *cases, "  </testsuite>"]
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return "\n".join([head, f'<testsuites name="check_migrations" {counts}>', *suite, "</testsuites>", ""])


def _fails(note: Note, options: Options) -> bool:
    return options.unanalysed_fails if note.code == "UNANALYSED" else note.counts and note.severity in options.failing


def _case(note: Note, options: Options) -> str:
    return "\n".join(_lines(note, options))


def _lines(note: Note, options: Options) -> Iterator[str]:
    app, _, name = note.migration.partition(".")
    where = f"file={_attribute(note.path)} line={_attribute(str(note.line))}"
    yield f"    <testcase classname={_attribute(app)} name={_attribute(f'{name}: {note.code}')} {where}>"
    first, _, _ = note.message.partition("\n")
    if _fails(note, options):
        kind = f"message={_attribute(first)} type={_attribute(note.code)}"
        yield f"      <failure {kind}>{_text(note.message)}</failure>"
    elif note.code == "UNANALYSED":
        yield f"      <skipped message={_attribute(first)}/>"
    else:
        yield f"      <system-out>{_text(f'{note.severity.value}: {note.message}')}</system-out>"
    yield "    </testcase>"


def _passed(migration: str) -> str:
    app, _, name = migration.partition(".")
    return f"    <testcase classname={_attribute(app)} name={_attribute(name)}/>"


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", text))


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))
