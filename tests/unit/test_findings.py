"""A finding, as warnings, exceptions and reports show it."""

from __future__ import annotations

import pickle
import sys

import pytest

from django_zero_downtime_migrations.errors import Unsafe, UnsafeOperationException, UnsafeOperationWarning, explain
from django_zero_downtime_migrations.findings import Finding, Kind, Origin, Severity
from django_zero_downtime_migrations.locks import LockMode
from django_zero_downtime_migrations.migrate_run.verdicts import refusal

ORIGIN = Origin(app="shop", model="book", field="pages", migration="0002_step", operation=3)
FINDING = Finding(
    code="ALTER_TABLE_RENAME_COLUMN",
    text=Unsafe.ALTER_TABLE_RENAME_COLUMN,
    severity=Severity.REFUSE,
    kind=Kind.COMPATIBILITY,
    message='"pages" of "shop_book" becomes "sheets"',
    instead="keep the column",
    sql="ALTER TABLE …",
    table='"shop_book"',
    lock=LockMode.ACCESS_EXCLUSIVE,
    origin=ORIGIN,
)


@pytest.mark.parametrize(
    "origin, text",
    [
        (Origin(), ""),
        (Origin(app="shop"), "shop"),
        (Origin(app="shop", model="book"), "shop.book"),
        (Origin(app="shop", model="book", field="pages"), "shop.book.pages"),
        (ORIGIN, "shop.book.pages, migration shop.0002_step"),
        (Origin(app="shop", migration="0002_step"), "shop, migration shop.0002_step"),
    ],
)
def test_origin_in_words(origin, text):
    assert str(origin) == text


def test_finding_in_words():
    assert str(FINDING) == (
        f"{Unsafe.ALTER_TABLE_RENAME_COLUMN}\n"
        '"pages" of "shop_book" becomes "sheets" [shop.book.pages, migration shop.0002_step]\n'
        "Instead: keep the column"
    )


def test_finding_of_unknown_origin_in_words():
    said = {"message": "message", "instead": "instead", "sql": "sql"}
    unknown = Finding(code="CODE", text="text", severity=Severity.NOTE, kind=Kind.UNKNOWN, **said)
    assert unknown.details == "message\nInstead: instead"
    assert (unknown.table, unknown.lock, unknown.assured) == ("", None, "")


def test_accepted_finding_is_the_same_with_a_reason():
    accepted = FINDING.accepted("nobody is there")
    assert (accepted.assured, FINDING.assured) == ("nobody is there", "")
    assert (accepted.code, accepted.origin) == (FINDING.code, ORIGIN)


def test_exception_has_exactly_the_text_that_users_map_on():
    exception = refusal(FINDING)
    assert type(exception) is UnsafeOperationException
    assert str(exception) == Unsafe.ALTER_TABLE_RENAME_COLUMN
    assert exception.finding is FINDING


if sys.version_info >= (3, 11):

    def test_exception_says_the_rest_in_a_note():
        assert refusal(FINDING).__notes__ == [f"{FINDING.details}\nNot sent: {FINDING.sql}"]


def test_warning_has_all_of_it():
    warning = UnsafeOperationWarning(str(FINDING), FINDING)
    assert (str(warning), warning.finding) == (str(FINDING), FINDING)


def test_text_alone_is_enough_for_both():
    assert UnsafeOperationException("text").finding is None
    assert UnsafeOperationWarning("text").finding is None


def test_exception_can_go_to_another_process():
    again = pickle.loads(pickle.dumps(refusal(FINDING)))
    assert (str(again), again.finding) == (Unsafe.ALTER_TABLE_RENAME_COLUMN, FINDING)


class WithoutNotes(Exception):
    """An exception as before Python 3.11."""

    add_note = None


@pytest.mark.parametrize(
    "arguments, expected",
    [((), ("why",)), (("text\n", 1), ("text\nwhy", 1)), ((7,), ("why", 7))],
    ids=["none", "text", "number"],
)
def test_explanation_before_notes(arguments, expected):
    error = WithoutNotes(*arguments)
    explain(error, "why")
    assert error.args == expected


@pytest.mark.parametrize("name", [name for name in vars(Unsafe) if name.isupper()])
def test_text_of_every_unsafe_operation(name):
    first, second = getattr(Unsafe, name).split("\n")
    assert first.endswith(" is unsafe operation")
    assert second.startswith(f"`python manage.py check_migrations --explain {name}` says ")
