"""A table under another name, and a view of it under its own, in which each renamed column has both of its names.

A view of one table is written through, whatever it calls its columns
(https://www.postgresql.org/docs/current/sql-createview.html#SQL-CREATEVIEW-UPDATABLE-VIEWS).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from ..catalog.shown import Grant, Rights
from ..ddl import statements as s
from ..naming import plain_table, quote
from ..planning.context import Context
from ..planning.kinds import Step
from ..planning.registry import rewrites
from ..planning.steps import short

#: The comment on the view, for people who look at it.
COMMENT = "of zero-downtime-migrations, for code that knows older names; manage.py contract makes it the table again"


@rewrites(s.ShowBoth)
def show_both(statement: s.ShowBoth, context: Context) -> list[Step]:
    """Make the view, with the privileges of the table."""
    table, hidden = statement.table, statement.hidden
    like = statement.like or table
    view = context.catalog.beside(like, quote(plain_table(table)))
    olds = {new: old for old, new in statement.pairs}
    more = "".join(f", {quote(new)} AS {quote(old)}" for old, new in statement.pairs)
    rights = context.catalog.rights(like)
    # A reader who uses such a view with the reader's own privileges must be allowed to read each column.
    invoker = " WITH (security_invoker = true)" if rights.by_row else ""
    moved = [f"ALTER TABLE {table} RENAME TO {quote(plain_table(hidden))}"] if statement.moves else []
    return [
        short(
            statement,
            *moved,
            f"CREATE VIEW {view}{invoker} AS SELECT *{more} FROM {hidden}",
            f"COMMENT ON VIEW {view} IS '{COMMENT}'",
            *_rights(view, rights, olds),
        )
    ]


def _rights(view: str, rights: Rights, olds: dict[str, str]) -> Iterator[str]:
    """Yield the privileges of the view.

    :param olds: the old names by the names of the table's columns.
    """
    for role in rights.given:
        yield f"REVOKE ALL ON {view} FROM {_role(role)}"
    yield from _grants(view, rights.grants, olds)
    if rights.owner:
        yield f"ALTER VIEW {view} OWNER TO {quote(rights.owner)}"


def _grants(relation: str, grants: Iterable[Grant], olds: dict[str, str]) -> Iterator[str]:
    for (role, grantable), to_it in groupby(sorted(grants, key=_to_whom), _to_whom):
        privileges = ", ".join(_privilege(grant, olds) for grant in to_it)
        yield f"GRANT {privileges} ON {relation} TO {_role(role)}{' WITH GRANT OPTION' * grantable}"


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
    back = [f"ALTER TABLE {hidden} RENAME TO {quote(plain_table(view))}"] if statement.moves else []
    return [short(statement, f"DROP VIEW {view}", *back, *_changed_rights(statement, context))]


def _changed_rights(statement: s.ShowNoMore, context: Context) -> Iterator[str]:
    """Yield privileges changed meanwhile: a GRANT or REVOKE under the name of the table was applied to the view."""
    table = statement.table
    shown = None if context.projection.shown.get(table) else context.catalog.shown(table)
    if shown is None:
        return
    news, real = dict(shown.pairs), table if statement.moves else shown.hidden
    of_view = {x._replace(column=news.get(x.column, x.column)) for x in context.catalog.rights(table).grants}
    of_table = set(context.catalog.rights(shown.hidden).grants)
    for grant in sorted(of_table - of_view):
        yield f"REVOKE {_privilege(grant, {})} ON {real} FROM {_role(grant.role)}"
    yield from _grants(real, of_view - of_table, {})
