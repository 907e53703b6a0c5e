"""What users see when a migration is unsafe or cannot be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.utils import NotSupportedError

if TYPE_CHECKING:
    from .findings import Finding

DOCUMENTATION = "https://pypi.org/project/django-zero-downtime-migrations/"


def _text(operation: str, anchor: str) -> str:
    return f"{operation} is unsafe operation\nSee {DOCUMENTATION}#{anchor} for what it blocks and what to write instead"


class Unsafe:
    """The texts of findings that stop a migration. Users map on ``str(exception)``, so an exception has exactly this
    text.
    """

    ADD_COLUMN_NOT_NULL = _text("ADD COLUMN NOT NULL", "add-column-not-null")
    ADD_COLUMN_GENERATED_STORED = _text("ADD COLUMN GENERATED STORED", "add-column-generated-stored")
    ADD_COLUMN_REWRITE = _text("ADD COLUMN with a table rewrite", "add-column-rewrite")
    ALTER_COLUMN_TYPE = _text("ALTER COLUMN TYPE", "alter-column-type")
    ADD_CONSTRAINT_EXCLUDE = _text("ADD CONSTRAINT EXCLUDE", "add-constraint-exclude")
    ALTER_TABLE_RENAME = _text("ALTER TABLE RENAME", "alter-table-rename")
    ALTER_TABLE_SET_TABLESPACE = _text("ALTER TABLE SET TABLESPACE", "alter-table-set-tablespace")
    ALTER_TABLE_RENAME_COLUMN = _text("ALTER TABLE RENAME COLUMN", "alter-table-rename-column")
    IN_TRANSACTION = _text("A statement that scans or builds inside a transaction", "in-transaction")
    FILL_LARGE_TABLE = _text("UPDATE of a large table", "fill-large-table")
    NO_SAFE_FORM = _text("A statement without a safe form", "no-safe-form")


class UnsafeOperationWarning(Warning):
    """A finding that would stop the migration if RAISE_FOR_UNSAFE were on.

    :param text: the rule's :class:`Unsafe` text, followed by the model, field and reason, so that Python's default
        filter shows each one.
    """

    finding: Finding | None

    def __init__(self, text: str, finding: Finding | None = None) -> None:
        super().__init__(text)
        self.finding = finding


class UnsafeOperationException(Exception):
    """The migration was stopped before its statement ran. ``str()`` is the rule's :class:`Unsafe` text; ``finding``
    has the rest.
    """

    finding: Finding | None

    def __init__(self, text: str, finding: Finding | None = None) -> None:
        super().__init__(text)
        self.finding = finding


class CannotMigrate(NotSupportedError):
    """The server would refuse a step, or could only do it by dropping something else; nothing of the call was sent."""


def explain(error: BaseException, text: str) -> None:
    """Add ``text`` to what a traceback shows of ``error`` (a note from Python 3.11 on, its first argument before)."""
    add_note: Any = getattr(error, "add_note", None)
    if add_note is not None:
        add_note(text)
    elif error.args and isinstance(error.args[0], str):
        error.args = (f"{error.args[0].rstrip()}\n{text}", *error.args[1:])
    else:
        error.args = (text, *error.args)
