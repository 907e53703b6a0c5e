"""Statements with names as the server stores them: two statements about the same object then have the same text."""

from __future__ import annotations

from ..naming import Names, names_in, quote
from . import statements as s

NAMES = ("table", "new_table", "to_table", "name", "new_name", "column", "new_column", "to_column")


def spelled(statement: s.Statement, names: Names) -> s.Statement:
    """Return the statement with its names so written; its text stays as it is.

    A statement with a name that the server cannot read is raw: it is sent as it was written, and the server refuses it.
    """
    given = {field: getattr(statement, field, None) for field in NAMES}
    try:
        changes = {field: names.spelled(name) for field, name in given.items() if name}
    except ValueError:
        return s.Raw(sql=statement.sql, params=statement.params)
    columns = getattr(statement, "columns", None)
    if isinstance(columns, str):
        changes["columns"] = ", ".join(quote(names.truncate(name)) for name in names_in(columns))
    changed = {field: value for field, value in changes.items() if value != getattr(statement, field)}
    return statement.named(**changed) if changed else statement
