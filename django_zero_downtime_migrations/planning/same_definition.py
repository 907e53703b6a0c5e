"""Whether what a statement makes is what the catalogue has, under the names that columns get on the way."""

from __future__ import annotations

from collections.abc import Sequence

from ..catalog.records import Constraint, Index
from ..ddl import statements as s
from ..naming import unquote
from .context import Context
from .online import ON_DELETE

Statements = list[s.Statement]


def renamed(columns: Sequence[str], statements: Statements, table: str) -> tuple[str, ...]:
    """Return the names that columns have after the statements."""
    names = list(columns)
    for statement in statements:
        if isinstance(statement, s.RenameColumn) and statement.table == table:
            old, new = unquote(statement.column), unquote(statement.new_column)
            names = [new if name == old else name for name in names]
    return tuple(names)


def same_key(live: Constraint, add: s.AddForeignKey, between: Statements, context: Context) -> bool:
    """Return whether a foreign key is the one that a statement makes.

    :param between: the statements before that one.
    """
    deferrable = " DEFERRABLE INITIALLY DEFERRED" if live.deferred else " DEFERRABLE" if live.deferrable else ""
    return (
        live.kind == "f"
        and live.valid
        and renamed(live.columns, between, add.table) == (unquote(add.column),)
        and live.to_columns == (unquote(add.to_column),)
        and (deferrable, ON_DELETE.get(live.on_delete, "")) == (add.deferrable, add.on_delete)
        and (live.on_update, live.match) == ("a", "s")
        and context.catalog.same_table(add.to_table, live.to_table)
    )


def same_index(live: Index, add: s.CreateIndex, between: Statements) -> bool:
    """Return whether a plain index is the one that a statement makes, as :func:`same_key` does."""
    wanted = add.opclasses or ("",) * len(live.opclasses)
    return (
        add.plain
        and live.plain
        and live.valid
        and not live.tablespace
        and live.unique == add.unique
        and live.opclasses == wanted
        and renamed(live.keys, between, add.table) == add.columns
    )
