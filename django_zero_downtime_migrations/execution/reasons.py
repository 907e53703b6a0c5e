"""What a server's error means for a migration, and the way out."""

from __future__ import annotations

from ..ddl import statements as s

LOCK_NOT_AVAILABLE, QUERY_CANCELED = "55P03", "57014"
REASONS = {
    "42501": (
        "The role that migrates has to own the table: migrate as its owner, or make the role a member of the owner."
    ),
    "55P03": (
        "The lock was not free within LOCK_TIMEOUT. The step let go of it, so that no query had to wait behind it for "
        "longer; run the migration again when the table is less busy."
    ),
    "57014": "The statement was cancelled, by STATEMENT_TIMEOUT or by somebody.",
    "23505": "The rows have duplicates: find and merge them, then run the migration again.",
    "23502": "Rows have NULL in the column: give them a value, then run the migration again.",
    "23503": "Rows point to rows that do not exist: repair or delete them, then run the migration again.",
    "23514": "Rows violate the condition: repair them, then run the migration again.",
    "2BP01": "Other objects depend on it: drop or replace them first.",
    "40P01": "The step and another session waited for each other; run the migration again.",
}


def sqlstate(error: BaseException) -> str | None:
    """The five letters of an error that Django has wrapped (psycopg calls them sqlstate, psycopg2 pgcode)."""
    for cause in (error.__cause__, error):
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        if state:
            return str(state)
    return None


def reason(error: BaseException, statement: s.Statement) -> str:
    state = sqlstate(error) or ""
    # The proof of a NOT NULL is a CHECK, about which nobody else knows.
    proof = state == "23514" and isinstance(statement, s.SetNotNull)
    text = REASONS.get("23502" if proof else state)
    return f"\n{text}" if text else ""
