"""A table under another name, and a view of it under its own, in which each renamed column has both of its names.

A view of one table is written through, whatever it calls its columns
(https://www.postgresql.org/docs/current/sql-createview.html#SQL-CREATEVIEW-UPDATABLE-VIEWS).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ..catalog.shown import Grant, Rights
from ..ddl import statements as s
from ..naming import plain_table, quote
from ..planning.context import Context
from ..planning.registry import rewrites
from ..planning.steps import Step, short

#: What people see who look at the view.
COMMENT = "of zero-downtime-migrations, for code that knows older names; manage.py contract makes it the table again"


@rewrites(s.ShowBoth)
def show_both(statement: s.ShowBoth, context: Context) -> list[Step]:
    """It may be read and written by whom the table may."""
    table, hidden = statement.table, statement.hidden
    view = context.catalog.beside(table, quote(plain_table(table)))
    olds = {new: old for old, new in statement.pairs}
    more = "".join(f", {quote(new)} AS {quote(old)}" for old, new in statement.pairs)
    invoker = " WITH (security_invoker = true)" if context.capabilities.security_invoker else ""
    return [
        short(
            statement,
            f"ALTER TABLE {table} RENAME TO {quote(plain_table(hidden))}",
            f"CREATE VIEW {view}{invoker} AS SELECT *{more} FROM {hidden}",
            f"COMMENT ON VIEW {view} IS '{COMMENT}'",
            *_rights(view, context.catalog.rights(table), olds),
        )
    ]


def _rights(view: str, rights: Rights, olds: dict[str, str]) -> Iterator[str]:
    """:param olds: by the names of the table's columns."""
    for role in rights.given:
        yield f"REVOKE ALL ON {view} FROM {_role(role)}"
    for (role, grantable), grants in groupby(sorted(rights.grants, key=_to_whom), _to_whom):
        privileges = ", ".join(_privilege(grant, olds) for grant in grants)
        yield f"GRANT {privileges} ON {view} TO {_role(role)}{' WITH GRANT OPTION' * grantable}"
    if rights.owner:
        yield f"ALTER VIEW {view} OWNER TO {quote(rights.owner)}"


def _to_whom(grant: Grant) -> tuple[str, bool]:
    return grant.role, grant.grantable


def _privilege(grant: Grant, olds: dict[str, str]) -> str:
    if not grant.column:
        return grant.privilege
    names = [grant.column, *([olds[grant.column]] if grant.column in olds else [])]
    return f"{grant.privilege} ({', '.join(map(quote, names))})"


def _role(name: str) -> str:
    return quote(name) if name else "PUBLIC"


@rewrites(s.ShowNoMore)
def show_no_more(statement: s.ShowNoMore, context: Context) -> list[Step]:
    view, hidden = statement.table, statement.hidden
    name = quote(plain_table(view))
    return [short(statement, f"DROP VIEW {view}", f"ALTER TABLE {hidden} RENAME TO {name}")]
