"""Whether a query's result is there already, compared by definition. This is asked after the server has refused the
query, on a database whose migration was interrupted under another tool, or that was changed by hand.

The server compares: what is wanted is built on an empty temporary table, and both are described by the same question.
No table that is in use is locked for it beyond ACCESS SHARE.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....django_types import Connection
from ....errors import CannotMigrate
from ....printable import printable
from . import columns, constraints, indexes, others, tables
from .forms import Asked, Found, Probe, Verdict
from .server import Server

__all__ = ["Probe", "Verdict", "different", "probe", "question"]

_FORMS = tuple(module.form for module in (constraints, columns, indexes, others, tables))


def question(sql: str) -> Found | None:
    """Return the question for a query, and the names in it; None for an unknown form."""
    return next(filter(None, (forms.find(sql) for forms in _FORMS)), None)


def probe(connection: Connection, sql: str, table: str = "", then: Sequence[str] = ()) -> Probe | None:
    """Return what the catalogue has of the object of a query. An open transaction must not have failed: what is built
    for the answer is rolled back to a savepoint.

    :param sql: one query without placeholders, as our rewrites or Django's own templates make it; not the user's own.
    :param table: the statement's table, as in SQL.
    :param then: the queries after it in the same step: a default that is dropped at once is not missing afterwards.
    :return: None for a query that cannot be asked about.
    :raises CannotMigrate: when the role may not create temporary tables, so that the question has no answer.
    """
    found = question(sql)
    if found is None:
        return None
    ask, parts = found
    return ask(Asked(server=Server(connection), parts=parts, table=table, then=then))


def different(found: Probe) -> CannotMigrate:
    """Return the error for :attr:`Verdict.DIFFERS`."""
    return CannotMigrate(
        f"{printable(found.what)} is there already, but it is not what the migration makes.\n"
        f"There:  {printable(found.there)}\n"
        f"Wanted: {printable(found.wanted)}\n"
        "It was left as it is, and the migration is not recorded. Rename or drop what is there, or change it into what "
        "is wanted, and run the migration again; if what is there is right, change the migration."
    )
