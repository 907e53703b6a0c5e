"""ADD COLUMN: the column alone, then its index, constraints and foreign key as statements of their own.

A constant or stable default changes the catalogue only. Inline UNIQUE and PRIMARY KEY build an index under ACCESS
EXCLUSIVE, an inline CHECK scans the table, and an inline foreign key with a default scans both tables
(``tests/rewrites``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..ddl import statements as s
from ..ddl.identifiers import spelled
from ..ddl.template import SQL
from ..naming import CHECK, PRIMARY_KEY, UNIQUE, plain_table, quote, unquote
from ..planning.context import Context
from ..planning.kinds import Blocking, Step
from ..planning.online import is_small
from ..planning.queries import Query
from ..planning.registry import rewrites, splits
from ..planning.steps import short

TABLESPACE = "USING INDEX "


@splits(s.AddColumn)
def split_add_column(statement: s.AddColumn, context: Context) -> Iterator[s.Statement]:
    filled = _is_filled(statement, context)
    taken_out = [piece for piece in statement.definition if _stands_alone(piece) or (filled and _comes_later(piece))]
    if not taken_out:
        yield statement
        return
    definition = _without(statement.definition, taken_out)
    text = "".join(definition)
    sql = f"ALTER TABLE {statement.table} ADD COLUMN {statement.column} {text}"
    # The column may be from an earlier run, and so may its constraints: their names are taken then.
    again = context.settings.idempotent_sql and context.catalog.column(statement.table, unquote(statement.column))
    yield statement.named(sql=sql, definition=definition, to_table="")
    if filled:
        yield from _with_values(statement)
    for piece in taken_out:
        yield from _constraint(statement, piece, context, bool(again))


def _is_filled(statement: s.AddColumn, context: Context) -> bool:
    """Return whether rows get its values in batches: with ONLINE_TYPE_CHANGES, the values of a volatile default."""
    asked = context.settings.online_type_changes and not context.in_transaction
    has_default = any(map(_is_expression, statement.definition)) and not statement.has("GENERATED")
    if not asked or not has_default or statement.params or statement.python_default:
        return False
    return not is_small(context, statement.table) and context.adding_rewrites(statement)


def _is_expression(piece: str) -> bool:
    return piece.strip().startswith("DEFAULT (")


def _comes_later(piece: str) -> bool:
    return _is_expression(piece) or piece.strip() in ("NOT NULL", "NULL")


def _with_values(statement: s.AddColumn) -> Iterator[s.Statement]:
    """Yield statements by which new rows have the default at once, and then each other row gets its own value."""
    table, column = statement.table, statement.column
    default = next(filter(_is_expression, statement.definition)).strip().removeprefix("DEFAULT ")
    alter = f"ALTER TABLE {table} ALTER COLUMN {column}"
    yield s.SetDefault(sql=f"{alter} SET DEFAULT {default}", table=table, column=column)
    update = f"UPDATE {table} SET {column} = {default} WHERE {column} IS NULL"
    yield s.FillNulls(sql=update, table=table, column=column, default=default)
    if statement.has("NOT NULL"):
        yield s.SetNotNull(sql=f"{alter} SET NOT NULL", table=table, column=column)


def _stands_alone(piece: str) -> bool:
    if isinstance(piece, SQL) and piece.template in ("sql_check_constraint", "sql_create_column_inline_fk"):
        return True
    return piece in ("UNIQUE", "PRIMARY KEY") or piece.startswith(TABLESPACE)


def _without(definition: tuple[str, ...], pieces: list[str]) -> tuple[str, ...]:
    """Return the definition without some of its pieces and the blanks before them."""
    kept: list[str] = []
    for piece in definition:
        if any(piece is other for other in pieces):
            if kept and kept[-1] == " ":
                kept.pop()
        else:
            kept.append(piece)
    return tuple(kept)


def _constraint(statement: s.AddColumn, piece: str, context: Context, again: bool) -> Iterable[s.Statement]:
    table, column = statement.table, statement.column
    if isinstance(piece, SQL) and piece.template == "sql_create_column_inline_fk":
        return [_foreign_key(statement, piece, context)]
    if isinstance(piece, SQL):
        name = _name(statement, CHECK, context, again)
        sql = context.templates("sql_create_check") % {"table": table, "name": name, "check": piece.parts["check"]}
        return [s.AddCheck(sql=sql, table=table, name=name, check=str(piece.parts["check"]))]
    if piece == "UNIQUE":
        name = _name(statement, UNIQUE, context, again)
        parts = {"table": table, "name": name, "columns": column, "deferrable": "", "nulls_distinct": ""}
        sql = context.templates("sql_create_unique") % parts
        return [s.AddUnique(sql=sql, table=table, name=name, columns=column, tablespace=_tablespace(statement))]
    if piece == "PRIMARY KEY":
        name = _name(statement, PRIMARY_KEY, context, again)
        sql = context.templates("sql_create_pk") % {"table": table, "name": name, "columns": column}
        return [s.AddPrimaryKey(sql=sql, table=table, name=name, columns=column, tablespace=_tablespace(statement))]
    return []


def _tablespace(statement: s.AddColumn) -> str:
    clauses = [piece for piece in statement.definition if piece.startswith(TABLESPACE)]
    return clauses[0].removeprefix(TABLESPACE) if clauses else ""


def _name(statement: s.AddColumn, label: str, context: Context, again: bool) -> str:
    """Return the name that PostgreSQL itself would choose for the inline constraint."""
    column = None if label == PRIMARY_KEY else unquote(statement.column)

    def taken(name: str) -> bool:
        return not again and context.catalog.name_taken(statement.table, name, relations=label != CHECK)

    return quote(context.names.choose(plain_table(statement.table), column, label, taken))


def _foreign_key(statement: s.AddColumn, piece: SQL, context: Context) -> s.Statement:
    parts = {name: str(part) for name, part in piece.parts.items()} | {"table": statement.table}
    key = s.AddForeignKey(
        sql=context.templates("sql_create_fk") % parts,
        table=statement.table,
        name=parts["name"],
        column=parts["column"],
        to_table=parts["to_table"],
        to_column=parts["to_column"],
        deferrable=parts.get("deferrable", ""),
        on_delete=parts.get("on_delete_db", ""),
    )
    return spelled(key, context.names)


@rewrites(s.AddColumn)
def add_column(statement: s.AddColumn, context: Context) -> list[Step]:
    drop = short(statement, f"ALTER TABLE {statement.table} DROP COLUMN {statement.column}")
    queries = [Query(x.sql, x.params) for x in (statement, statement.drop_default) if x is not None]
    step = short(statement, *queries, undo=[drop])
    if context.adding_rewrites(statement):
        return [step.sent_as(Blocking)]
    return [step]
