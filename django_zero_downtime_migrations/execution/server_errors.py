"""The server's error codes by PostgreSQL's names for their conditions, and where an exception has its own.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from typing import Final

NOT_NULL_VIOLATION: Final = "23502"
FOREIGN_KEY_VIOLATION: Final = "23503"
UNIQUE_VIOLATION: Final = "23505"
CHECK_VIOLATION: Final = "23514"
DEPENDENT_OBJECTS_STILL_EXIST: Final = "2BP01"
SERIALIZATION_FAILURE: Final = "40001"
DEADLOCK_DETECTED: Final = "40P01"
INSUFFICIENT_PRIVILEGE: Final = "42501"
DUPLICATE_COLUMN: Final = "42701"
UNDEFINED_COLUMN: Final = "42703"
UNDEFINED_OBJECT: Final = "42704"
DUPLICATE_FUNCTION: Final = "42723"
DUPLICATE_OBJECT: Final = "42710"
UNDEFINED_TABLE: Final = "42P01"
DUPLICATE_TABLE: Final = "42P07"
INVALID_TABLE_DEFINITION: Final = "42P16"
OBJECT_NOT_IN_PREREQUISITE_STATE: Final = "55000"
LOCK_NOT_AVAILABLE: Final = "55P03"
QUERY_CANCELED: Final = "57014"


def sqlstate(error: BaseException) -> str | None:
    """Return the five letters of an error that Django has wrapped (psycopg: sqlstate, psycopg2: pgcode)."""
    for cause in (error.__cause__, error):
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        if state:
            return str(state)
    return None
