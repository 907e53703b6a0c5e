"""A view in the place of a table that has another name, so that a column has two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..naming import PURPOSE_OF_RENAMED, Names, plain_table
from ..record import Row


class Shown(Row):
    """A view and its table.

    :param hidden: the table that the view shows, quoted.
    :param pairs: column names of the view that the table lacks, each with the column's name in the table.
    :param moves: the table has a name that is not used otherwise.
    :param columns: the table's columns that the view shows, by their names there.
    """

    hidden: str
    pairs: tuple[tuple[str, str], ...]
    moves: bool
    columns: frozenset[str] = frozenset()


class Grant(Row):
    """A granted privilege.

    :param role: empty for PUBLIC.
    :param column: a plain name; empty for the whole table.
    """

    role: str
    privilege: str
    column: str
    grantable: bool


class Rights(Row):
    """The privileges on a table.

    :param owner: the role that owns the table, if that is another role; else empty.
    :param by_row: it has row security.
    :param given: roles that get privileges on this role's new objects by default; empty for PUBLIC.
    """

    owner: str = ""
    by_row: bool = False
    given: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()


def shown_of(view: str, rows: Sequence[dict[str, Any]], names: Names) -> Shown | None:
    """Return the table that a view shows.

    :param rows: the answer to ``shown``.
    """
    tables = {row["table"] for row in rows}
    if len(tables) != 1:
        return None
    pairs = [(row["column"], row["of_table"]) for row in rows if row["column"] != row["of_table"]]
    columns = frozenset(row["of_table"] for row in rows)
    return Shown(tables.pop(), tuple(pairs), rows[0]["name"] == hidden_name(view, names), columns)


def hidden_name(table: str, names: Names) -> str:
    """Return the name of a table while a view has its name; a plain name."""
    return names.temporary(plain_table(table), PURPOSE_OF_RENAMED)


def rights_of(rows: Sequence[dict[str, Any]]) -> Rights:
    """Return the privileges on a table.

    :param rows: the answer to ``rights``.
    """
    owner = next((row["role"] for row in rows if row["kind"] == "owner" and row["more"]), "")
    given = tuple(row["role"] for row in rows if row["kind"] == "default")
    grants = (Grant(x["role"], x["privilege"], x["column"], x["more"]) for x in rows if x["kind"] == "grant")
    return Rights(owner, any(row["kind"] == "row security" for row in rows), given, tuple(grants))
