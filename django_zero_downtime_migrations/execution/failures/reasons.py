"""The meaning of a server's error for a migration, and the way out."""

from __future__ import annotations

from django.db import DatabaseError, IntegrityError

from ...ddl import statements as s
from ...errors import explain, make_printable
from ...planning.kinds import Step
from ..send import Sender
from ..server_errors import (
    CHECK_VIOLATION,
    DEADLOCK_DETECTED,
    DEPENDENT_OBJECTS_STILL_EXIST,
    FOREIGN_KEY_VIOLATION,
    INSUFFICIENT_PRIVILEGE,
    LOCK_NOT_AVAILABLE,
    NOT_NULL_VIOLATION,
    QUERY_CANCELED,
    UNIQUE_VIOLATION,
    sqlstate,
)

REASONS = {
    INSUFFICIENT_PRIVILEGE: (
        "The role that migrates has to own the table: migrate as its owner, or make the role a member of the owner."
    ),
    LOCK_NOT_AVAILABLE: (
        "The lock was not free within LOCK_TIMEOUT. The step let go of it, so that no query had to wait behind it for "
        "longer; run the migration again when the table is less busy."
    ),
    QUERY_CANCELED: "The statement was cancelled, by STATEMENT_TIMEOUT or by pg_cancel_backend().",
    UNIQUE_VIOLATION: "The rows have duplicates: find and merge them, then run the migration again.",
    NOT_NULL_VIOLATION: "Rows have NULL in the column: give them a value, then run the migration again.",
    FOREIGN_KEY_VIOLATION: "Rows point to rows that do not exist: repair or delete them, then run the migration again.",
    CHECK_VIOLATION: "Rows violate the condition: repair them, then run the migration again.",
    DEPENDENT_OBJECTS_STILL_EXIST: "Other objects depend on it: drop or replace them first.",
    DEADLOCK_DETECTED: "The step and another session waited for each other; run the migration again.",
}


#: A missing table has no owner.
MAY_NOT_CREATE = (
    "The role that migrates has to be allowed to create in the schema: GRANT CREATE ON SCHEMA name TO role, or migrate "
    "as a role that is."
)


def reason(error: BaseException, statement: s.Statement) -> str:
    state = sqlstate(error) or ""
    # The proof of a NOT NULL is a CHECK that only this package knows of.
    proof = state == CHECK_VIOLATION and isinstance(statement, s.SetNotNull)
    if state == INSUFFICIENT_PRIVILEGE and isinstance(statement, s.CreateTable):
        return f"\n{MAY_NOT_CREATE}"
    text = REASONS.get(NOT_NULL_VIOLATION if proof else state)
    return f"\n{text}" if text else ""


def explain_failure(sender: Sender, step: Step, error: DatabaseError) -> None:
    """Add to the error which step it was, what it means, which sessions were in the way, and which rows stop it."""
    from .rights import lacks

    make_printable(error)
    locks = f" ({', '.join(map(str, step.locks))})" if step.locks else ""
    why = lacks(sender.connection, step, error) or reason(error, step.statement)
    explain(error, f"The step that failed: {step.sql}{locks}{why}{_in_the_way(sender, step, error)}")
    if isinstance(error, IntegrityError) and not sender.is_inside:
        from .violating_rows import violating_rows

        if rows := violating_rows(sender.connection, step, error, sender.settings):
            explain(error, rows)


def _in_the_way(sender: Sender, step: Step, error: DatabaseError) -> str:
    """Say which sessions hold what the step did not get in its only attempt, on a line of its own."""
    if sqlstate(error) not in (LOCK_NOT_AVAILABLE, QUERY_CANCELED) or sender.is_inside or not step.locks:
        return ""
    from ..locks.blockers import look

    found = look(sender.connection, step.locks, sender.settings.show_blocking_queries).blockers
    return f"\nIn the way: {'; '.join(map(str, found))}" if found else ""
