"""A rename that is half done: the old name stays in a view, and is dropped later."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import Unsafe
from ..findings import Kind, Severity
from ..naming import quote
from ..planning.context import Context
from ..planning.rule import Rule

RULE = Rule(
    code="RENAME_OWED",
    text=Unsafe.RENAME_OWED,
    kind=Kind.COMPATIBILITY,
    severity=Severity.NOTE,
    blocks=False,
    when="with EXPAND_CONTRACT, a field, model or table is renamed that code of an earlier release may use",
    effect=(
        "the migration is recorded, and until no old code is seen a view has the old name of a table, or, for a "
        "column, the name of its table: in it the column has both names, for queries and for changes. TRUNCATE, "
        "COPY ... FROM, MERGE before PostgreSQL 17, ctid, TABLESAMPLE, REFERENCES, and GROUP BY by the primary key "
        "alone do not work with a view; Django's own GROUP BY does with this backend"
    ),
    instead=(
        "nothing: the next migrate or manage.py contract makes it the table again; manage.py contract --list shows "
        "what is owed. To keep the name in the database (db_column, db_table) needs no view"
    ),
)


@RULE.check(s.Owe)
def check(statement: s.Owe, context: Context) -> str | None:
    if statement.kind != s.RENAMED:
        return None
    what = f"{quote(statement.column)} of {statement.tables[0]}" if statement.column else ", ".join(statement.tables)
    return f"{what} stays as a name for old code, and is owed: the next migrate or manage.py contract takes it away"
