"""Invisible characters are escaped."""

from __future__ import annotations

import logging
import unicodedata

import pytest

from django_zero_downtime_migrations.errors import (
    CannotMigrate,
    LockNotAcquired,
    UnsafeOperationWarning,
    explain,
    make_printable,
)
from django_zero_downtime_migrations.execution.progress.terminal_line import Line
from django_zero_downtime_migrations.execution.script import Script
from django_zero_downtime_migrations.findings import Kind, Severity
from django_zero_downtime_migrations.locks import Blocker, LockMode
from django_zero_downtime_migrations.log import logger
from django_zero_downtime_migrations.planning.rule import Rule
from django_zero_downtime_migrations.printable import printable

HOSTILE = "a\n\r\x1b[2J\x9b31m\u202eb\u2028\ufeff"
ESCAPED = r"a\n\r\x1b[2J\x9b31m\u202eb\u2028\ufeff"


@pytest.mark.parametrize(
    "number", [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x200B, 0x200E, 0x2066, 0xE0041, 0xDC80]
)
def test_control_and_format_characters(number: int) -> None:
    text = printable(f"a{chr(number)}b")
    assert chr(number) not in text
    assert text.isascii()
    assert text.encode().decode("unicode_escape") == f"a{chr(number)}b"


@pytest.mark.parametrize("text", ["", "a b", "Größe", "номер", "表", "😀", "a\u00a0b", "100 %", 'a"b', "a\\b"])
def test_text_that_can_be_read_stays(text: str) -> None:
    assert printable(text) == text


def test_lines_stay_where_there_are_some() -> None:
    assert printable("a\n\tb\r\x1b", lines=True) == "a\n\tb\\r\\x1b"


def assert_clean(text: str, lines: bool = False) -> None:
    left = {x for x in text if unicodedata.category(x) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert left <= ({"\n"} if lines else set())


def test_blockers() -> None:
    blocker = Blocker(
        1, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, None, 5, LockMode.ACCESS_SHARE, HOSTILE, None, HOSTILE
    )
    assert_clean(str(blocker))
    assert_clean(str(blocker._replace(prepared=HOSTILE)))
    assert str(blocker).endswith(f": {ESCAPED}")


def test_errors() -> None:
    assert_clean(str(CannotMigrate(HOSTILE)), lines=True)
    assert_clean(str(LockNotAcquired(HOSTILE, "", 0, 0, ())), lines=True)
    assert_clean(str(UnsafeOperationWarning(HOSTILE)), lines=True)


def test_what_is_added_to_an_error_and_its_own_text() -> None:
    error = ValueError(HOSTILE)
    error.__cause__ = ValueError(HOSTILE)
    make_printable(error)
    explain(error, HOSTILE)
    for text in (*error.args, *error.__cause__.args, *getattr(error, "__notes__", ())):
        assert_clean(text, lines=True)


def test_log(caplog: pytest.LogCaptureFixture) -> None:
    class Something:
        def __str__(self) -> str:
            return HOSTILE

        __repr__ = __str__

    with caplog.at_level(logging.INFO):
        logger.info("%s %s %r %d %.1f", HOSTILE, Something(), Something(), 1, 2.0)
    (record,) = caplog.records
    assert_clean(record.getMessage(), lines=True)
    assert record.getMessage().endswith(" 1 2.0")
    assert record.funcName == "test_log"


def test_terminal() -> None:
    class Terminal:
        written = ""

        def write(self, text: str) -> None:
            self.written += text

        def flush(self) -> None:
            pass

    terminal = Terminal()
    line = Line(terminal)
    line.show("quiet")
    first = terminal.written
    line.show(HOSTILE)
    assert terminal.written.removeprefix(first) == f"\r\x1b[K{ESCAPED}"


def test_findings_and_comments_of_a_script() -> None:
    words = dict.fromkeys(("text", "when", "effect", "instead"), "")
    rule = Rule(code="CODE", severity=Severity.WARN, kind=Kind.LOCK, **words)
    finding = rule.found(HOSTILE)
    assert finding.message == ESCAPED
    lines: list[str] = []
    script = Script(None, None, None, lines, lambda sql, params: None)  # type: ignore[arg-type]
    script._say([finding.accepted("reason\rSELECT 1")])
    assert lines == [f"-- warn CODE: {ESCAPED} (accepted: reason\\rSELECT 1)"]
