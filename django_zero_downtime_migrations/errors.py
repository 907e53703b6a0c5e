"""The messages and exceptions for an unsafe or impossible migration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.db.utils import DatabaseError, NotSupportedError, OperationalError

from .printable import printable

if TYPE_CHECKING:
    from .findings import Finding
    from .locks import Blocker


def explained(code: str) -> str:
    """The command that prints the page of a rule, without a network."""
    return f"python manage.py check_migrations --explain {code}"


def unsafe_text(operation: str, code: str) -> str:
    """Return the text of a rule's findings; its first line is "… is unsafe operation".

    :param operation: what is unsafe.
    :param code: the rule's code.
    """
    return f"{operation} is unsafe operation\n`{explained(code)}` says what it blocks and what to write instead"


class Unsafe:
    """The texts of findings that stop a migration. Users map on ``str(exception)``, so an exception has exactly this
    text.
    """

    ADD_COLUMN_NOT_NULL = unsafe_text("ADD COLUMN NOT NULL", "ADD_COLUMN_NOT_NULL")
    ADD_COLUMN_GENERATED_STORED = unsafe_text("ADD COLUMN GENERATED STORED", "ADD_COLUMN_GENERATED_STORED")
    ADD_COLUMN_REWRITE = unsafe_text("ADD COLUMN with a table rewrite", "ADD_COLUMN_REWRITE")
    ALTER_COLUMN_TYPE = unsafe_text("ALTER COLUMN TYPE", "ALTER_COLUMN_TYPE")
    ONLINE_TYPE_CHANGE = unsafe_text("ALTER COLUMN TYPE online", "ONLINE_TYPE_CHANGE")
    ROW_TYPE_USED = unsafe_text("Another order of columns", "ROW_TYPE_USED")
    PREPARED_STATEMENTS = unsafe_text("Another type of what is prepared", "PREPARED_STATEMENTS")
    BACKFILL_FIRES_TRIGGERS = unsafe_text("An UPDATE of many rows with triggers", "BACKFILL_FIRES_TRIGGERS")
    PUBLISHED_TABLE = unsafe_text("A change of a published table", "PUBLISHED_TABLE")
    ADD_CONSTRAINT_EXCLUDE = unsafe_text("ADD CONSTRAINT EXCLUDE", "ADD_CONSTRAINT_EXCLUDE")
    ALTER_TABLE_RENAME = unsafe_text("ALTER TABLE RENAME", "ALTER_TABLE_RENAME")
    ALTER_TABLE_SET_TABLESPACE = unsafe_text("ALTER TABLE SET TABLESPACE", "ALTER_TABLE_SET_TABLESPACE")
    ALTER_TABLE_RENAME_COLUMN = unsafe_text("ALTER TABLE RENAME COLUMN", "ALTER_TABLE_RENAME_COLUMN")
    IN_TRANSACTION = unsafe_text("A statement that scans or builds inside a transaction", "IN_TRANSACTION")
    FILL_LARGE_TABLE = unsafe_text("UPDATE of a large table", "FILL_LARGE_TABLE")
    NO_SAFE_FORM = unsafe_text("A statement without a safe form", "NO_SAFE_FORM")
    DROP_COLUMN = unsafe_text("DROP COLUMN", "DROP_COLUMN")
    DROP_TABLE = unsafe_text("DROP TABLE", "DROP_TABLE")
    DROP_DEFAULT = unsafe_text("DROP DEFAULT", "DROP_DEFAULT")
    DROP_UNIQUE = unsafe_text("DROP of a unique constraint or index", "DROP_UNIQUE")
    REMOVAL_OWED = unsafe_text("DROP of what old code uses", "REMOVAL_OWED")
    RENAME_OWED = unsafe_text("RENAME of what old code uses", "RENAME_OWED")
    NOT_NULL_OWED = unsafe_text("NOT NULL that old code does not know of", "NOT_NULL_OWED")
    SET_NOT_NULL = unsafe_text("SET NOT NULL", "SET_NOT_NULL")
    ADD_CONSTRAINT = unsafe_text("ADD CONSTRAINT", "ADD_CONSTRAINT")
    FORGOTTEN_NOT_NULL = unsafe_text("Forgetting a field whose column stays NOT NULL", "FORGOTTEN_NOT_NULL")
    FORGOTTEN_FOREIGN_KEY = unsafe_text("Forgetting a foreign key that stays", "FORGOTTEN_FOREIGN_KEY")
    STATE_AHEAD = unsafe_text("Adding to the state what the database does not have", "STATE_AHEAD")
    DATA_WITH_SCHEMA = unsafe_text("A data migration together with a schema change", "DATA_WITH_SCHEMA")
    RUN_PYTHON_MODELS = unsafe_text("A data migration with models of today", "RUN_PYTHON_MODELS")
    RUN_PYTHON_NO_REVERSE = unsafe_text("A data migration that cannot be taken back", "RUN_PYTHON_NO_REVERSE")
    SAME_TABLE_TWICE = unsafe_text("A second migration of the same table in one deployment", "SAME_TABLE_TWICE")
    NOT_ADDITIVE = unsafe_text("A change that is not additive", "NOT_ADDITIVE")
    RUN_SQL = unsafe_text("SQL of your own that blocks traffic", "RUN_SQL")
    CANNOT_MIGRATE = unsafe_text("A statement that the server will refuse", "CANNOT_MIGRATE")


class UnsafeOperationWarning(Warning):
    """A finding that would stop the migration if RAISE_FOR_UNSAFE were on.

    :param text: the rule's :class:`Unsafe` text, followed by the model, field and reason, so that Python's default
        filter shows each one.
    """

    finding: Finding | None

    def __init__(self, text: str, finding: Finding | None = None) -> None:
        super().__init__(_printable(text))
        self.finding = finding


class MigrationError(CommandError):
    """The migration was stopped. ``manage.py`` prints the text and the notes, without a traceback unless
    ``--traceback`` is given.
    """

    @property
    def returncode(self) -> Any:
        """The exit status. Django hands it to ``sys.exit()`` when it has printed ``str(self)``."""
        return _Notes(self) if notes(self) else 1

    @returncode.setter
    def returncode(self, value: Any) -> None:
        """Accept the exit status that ``CommandError`` sets."""


class BackfillStopped(MigrationError):
    """The rest of the rows is left for the next run: nothing is lost, and nothing has failed.

    ``manage.py`` exits with the status 3.
    """

    def __str__(self) -> str:
        # With an exit status of its own, ``sys.exit()`` prints no notes.
        return "\n".join([super().__str__(), *notes(self)])

    @property
    def returncode(self) -> Any:
        return 3

    @returncode.setter
    def returncode(self, value: Any) -> None:
        """Accept the exit status that ``CommandError`` sets."""


class _Notes:
    """An exit status of 1. ``sys.exit()`` prints what is not an integer to the standard error."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __str__(self) -> str:
        return "\n".join(notes(self._error))

    def __index__(self) -> int:
        return 1


class UnsafeOperationException(MigrationError):
    """The migration was stopped before its statement ran. ``str()`` is the rule's :class:`Unsafe` text; ``finding``
    has the rest, and ``findings`` everything that the run was refused for.
    """

    finding: Finding | None
    findings: tuple[Finding, ...]

    def __init__(self, text: str, finding: Finding | None = None, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(text)
        self.finding = finding
        self.findings = findings or ((finding,) if finding else ())


class CannotMigrate(NotSupportedError, MigrationError):
    """The server would refuse a step, or could only do it by dropping something else; nothing of the call was sent."""

    def __init__(self, *args: object) -> None:
        super().__init__(*map(_printable, args))


class LockNotAcquired(OperationalError, MigrationError):
    """A short step did not get its locks within LOCK_RETRY_TIMEOUT. It holds none of them, and no session waits for it.

    :param statement: its SQL.
    :param waited: in seconds, from the first look to the last attempt.
    :param attempts: how often it asked for the locks.
    :param blockers: the sessions in its way when it gave up; empty if they had released their locks by then.
    """

    def __init__(self, text: str, statement: str, waited: float, attempts: int, blockers: tuple[Blocker, ...]) -> None:
        super().__init__(_printable(text))
        self.statement = statement
        self.waited = waited
        self.attempts = attempts
        self.blockers = blockers


class CannotJudge(Exception):
    """``check_migrations`` cannot judge. The text is one line for people."""


def explain(error: BaseException, text: str) -> None:
    """Add ``text`` to what a traceback shows of ``error`` (a note from Python 3.11 on, its first argument before)."""
    text = printable(text, lines=True)
    add_note: Any = getattr(error, "add_note", None)
    if add_note is not None:
        add_note(text)
    elif error.args and isinstance(error.args[0], str):
        error.args = (f"{error.args[0].rstrip()}\n{text}", *error.args[1:])
    else:
        error.args = (text, *error.args)


def notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


#: The classes of explained errors, by their class before.
_without_traceback: dict[type[DatabaseError], type[DatabaseError]] = {}


def without_traceback(error: DatabaseError) -> None:
    """Make an error of the server, once it is explained, a :class:`MigrationError` as well. It stays the same object of
    the same name, and what it was before: code that catches it, its cause, notes and traceback notice nothing.
    """
    kind = type(error)
    if isinstance(error, MigrationError):
        return
    if kind not in _without_traceback:
        body = {"__module__": kind.__module__, "__reduce__": lambda self: (kind, self.args)}
        _without_traceback[kind] = type(kind.__name__, (kind, MigrationError), body)
    error.__class__ = _without_traceback[kind]


def make_printable(error: BaseException) -> None:
    """Escape invisible characters in the text of a server's error, which may have values of rows in it."""
    for each in (error, error.__cause__):
        if each is not None:
            each.args = tuple(map(_printable, each.args))


def _printable(value: object) -> object:
    return printable(value, lines=True) if isinstance(value, str) else value
