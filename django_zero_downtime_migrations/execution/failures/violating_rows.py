"""The rows that stop a constraint or a unique index: the primary keys of some of them, and the query for all.

Everything comes from the catalogue, while the constraint that is NOT VALID or the index that is INVALID is still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, transaction

from ...ddl import statements as s
from ...django_types import Connection
from ...log import logger
from ...planning.kinds import Protected, Step
from ...printable import printable
from ...server import capabilities
from ...settings import MigrationSettings
from ..server_errors import (
    CHECK_VIOLATION,
    FOREIGN_KEY_VIOLATION,
    LOCK_NOT_AVAILABLE,
    NOT_NULL_VIOLATION,
    QUERY_CANCELED,
    UNIQUE_VIOLATION,
    sqlstate,
)
from ..session.interrupt import interruptible
from ..session.timeouts import OF_TRANSACTION, set_local
from .offence import ROWS, Offence, Table

#: The time limit, in ms, for the search and for its locks.
SEARCH = 5000
LOCK = 1000
#: The errors of a step that rows can cause.
VIOLATIONS = (NOT_NULL_VIOLATION, FOREIGN_KEY_VIOLATION, UNIQUE_VIOLATION, CHECK_VIOLATION)
TOO_LONG = (QUERY_CANCELED, LOCK_NOT_AVAILABLE)

# Of the two tables, the statement's own counts first: the server may name one of its partitions.
_CONSTRAINT = """
SELECT
    c.conrelid, c.contype::pg_catalog.text, c.conrelid = pg_catalog.to_regclass(%s)::pg_catalog.oid AS stated,
    pg_catalog.pg_get_expr(c.conbin, c.conrelid), c.connoinherit, c.confmatchtype = 'f',
    (SELECT pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY k.ord)
     FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY k(num, ord)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num),
    (SELECT CASE WHEN t.relkind = 'p' THEN '' ELSE 'ONLY ' END || pg_catalog.format('%%I.%%I', n.nspname, t.relname)
     FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace WHERE t.oid = c.confrelid),
    (SELECT pg_catalog.string_agg(pg_catalog.format('there.%%I %%s here.%%I', there.attname, CASE
        WHEN o.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid THEN o.oprname::pg_catalog.text
        ELSE pg_catalog.format('OPERATOR(%%I.%%s)', n.nspname, o.oprname) END, here.attname), ' AND ' ORDER BY k.ord)
     FROM ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey), pg_catalog.unnest(c.conpfeqop))
         WITH ORDINALITY k(here, there, op, ord)
     JOIN pg_catalog.pg_attribute here ON here.attrelid = c.conrelid AND here.attnum = k.here
     JOIN pg_catalog.pg_attribute there ON there.attrelid = c.confrelid AND there.attnum = k.there
     JOIN pg_catalog.pg_operator o ON o.oid = k.op JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace)
FROM pg_catalog.pg_constraint c
WHERE c.conname = %s AND NOT c.convalidated AND c.contype IN ('c', 'f')
AND c.conrelid IN (
    pg_catalog.to_regclass(%s)::pg_catalog.oid,
    pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', %s::pg_catalog.text, %s::pg_catalog.text))::pg_catalog.oid
)
ORDER BY stated DESC LIMIT 1
"""
_INDEX = """
SELECT
    i.indrelid, pg_catalog.pg_get_expr(i.indpred, i.indrelid),
    coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct'::pg_catalog.text)::boolean, false),
    (SELECT pg_catalog.array_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k.ord::int, true) || CASE
        WHEN l.oid IS NULL OR (k.num = 0 AND l.oid = 100::pg_catalog.oid) OR l.oid = a.attcollation THEN ''
        ELSE pg_catalog.format(' COLLATE %%I.%%I', n.nspname, l.collname) END ORDER BY k.ord)
     FROM ROWS FROM (pg_catalog.unnest(i.indkey), pg_catalog.unnest(i.indcollation)) WITH ORDINALITY k(num, coll, ord)
     LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num <> 0
     LEFT JOIN pg_catalog.pg_collation l ON l.oid = k.coll
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace
     WHERE k.ord <= i.indnkeyatts)
FROM pg_catalog.pg_index i
WHERE i.indexrelid =
    pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', %s::pg_catalog.text, %s::pg_catalog.text))::pg_catalog.oid
AND i.indisunique AND NOT i.indisvalid
"""
_COLUMN = """
SELECT a.attrelid, pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a
WHERE a.attname = %s AND a.attnum > 0 AND NOT a.attisdropped
AND a.attrelid IN (
    pg_catalog.to_regclass(%s)::pg_catalog.oid,
    pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', %s::pg_catalog.text, %s::pg_catalog.text))::pg_catalog.oid
)
ORDER BY a.attrelid = pg_catalog.to_regclass(%s)::pg_catalog.oid DESC LIMIT 1
"""
_TABLE = """
SELECT
    pg_catalog.format('%%I.%%I', n.nspname, c.relname), c.relkind = 'p',
    (SELECT pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY k.ord)
     FROM pg_catalog.pg_index i CROSS JOIN pg_catalog.unnest(i.indkey) WITH ORDINALITY k(num, ord)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
     WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND k.ord <= i.indnkeyatts),
    (SELECT pg_catalog.bool_and(coalesce(nullif(t.typbasetype, 0::pg_catalog.oid), t.oid) IN (
         'smallint'::pg_catalog.regtype::pg_catalog.oid, 'integer'::pg_catalog.regtype::pg_catalog.oid,
         'bigint'::pg_catalog.regtype::pg_catalog.oid, 'pg_catalog.uuid'::pg_catalog.regtype::pg_catalog.oid))
     FROM pg_catalog.pg_index i CROSS JOIN pg_catalog.unnest(i.indkey) WITH ORDINALITY k(num, ord)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND k.ord <= i.indnkeyatts)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s::pg_catalog.oid
"""


def violating_rows(connection: Connection, step: Step, error: BaseException, settings: MigrationSettings) -> str:
    """Return what to add to the error of a step that rows of a table have stopped; empty if nothing can be said.

    Called before the step is taken back, when no transaction is open. It reads under ACCESS SHARE for some seconds at
    most, and raises nothing.
    """
    # Other statements do not read the existing rows.
    if sqlstate(error) not in VIOLATIONS or not isinstance(step, Protected):
        return ""
    if connection.in_atomic_block or not connection.get_autocommit():
        return ""
    try:
        offence = _offence(connection, step, error)
        return _told(connection, offence, settings.show_offending_values) if offence else ""
    except Exception as another:
        logger.debug("The rows that stopped it could not be found: %r", another)
        return ""


def rows_where(connection: Connection, settings: MigrationSettings, table: str, text: str, where: str) -> str:
    """Return the rows for which a condition is true, as a sentence; empty if there is none.

    The table is read to its end under ACCESS SHARE, for as long as it takes.

    :param table: as in SQL.
    :param text: what to call the rows.
    :param where: SQL.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.to_regclass(%s)::pg_catalog.oid", [table])
        (relation,) = cursor.fetchone()
    offence = Offence(_table(connection, relation), text, (), where)
    limits = {"statement_timeout": settings.statement_timeout or 0}
    with interruptible(connection):
        rows = _rows(connection, offence.sample(settings.show_offending_values), limits)
    return _said(offence, rows, settings.show_offending_values)


# What the catalogue knows of it


def _offence(connection: Connection, step: Step, error: BaseException) -> Offence | None:
    said = getattr(error.__cause__, "diag", None)
    if said is None or not said.table_name:
        return None
    place, state = (said.schema_name, said.table_name), sqlstate(error)
    if state == UNIQUE_VIOLATION:
        return _of_index(connection, place[0], said.constraint_name)
    if state == NOT_NULL_VIOLATION:
        return _of_column(connection, step.statement.table or None, place, said.column_name)
    return _of_constraint(connection, step.statement, place, said.constraint_name)


def _of_index(connection: Connection, schema: Any, name: Any) -> Offence | None:
    row = _row(connection, _INDEX, schema, name)
    if row is None:
        return None
    relation, predicate, nulls_are_same, columns = row
    table = _table(connection, relation)
    present = [] if nulls_are_same else [f"{column} IS NOT NULL" for column in columns]
    where = " AND ".join([*([predicate] if predicate else []), *present])
    text = f"Rows of {table.name} with the same {', '.join(columns)}"
    return Offence(table, text, tuple(columns), where, only=True, same=True)


def _of_column(connection: Connection, stated: str | None, place: tuple[Any, Any], name: Any) -> Offence | None:
    row = _row(connection, _COLUMN, name, stated, *place, stated)
    if row is None:
        return None
    relation, column = row
    table = _table(connection, relation)
    return Offence(table, f"Rows of {table.name} with NULL in {column}", (), f"{column} IS NULL")


def _of_constraint(connection: Connection, statement: s.Statement, place: tuple[Any, Any], name: Any) -> Offence | None:
    stated = statement.table or None
    row = _row(connection, _CONSTRAINT, stated, name, stated, *place)
    if row is None:
        return None
    relation, kind, _, expression, alone, full, columns, target, joined = row
    table = _table(connection, relation)
    if kind == "c":
        # The proof of a NOT NULL is a CHECK that only this package knows of.
        text = f"Rows of {table.name} {_wrong(statement, columns, name)}"
        return Offence(table, text, tuple(columns or ()), f"NOT ({expression})", only=alone)
    given = (" OR " if full else " AND ").join(f"here.{column} IS NOT NULL" for column in columns)
    where = f"({given}) AND NOT EXISTS (SELECT FROM {target} AS there WHERE {joined})"
    text = f"Rows of {table.name} whose {', '.join(columns)} is not in {target.removeprefix('ONLY ')}"
    return Offence(table, text, tuple(columns), where, only=True, alias=" AS here")


def _wrong(statement: s.Statement, columns: Sequence[str] | None, name: object) -> str:
    """Say how a row violates a CHECK."""
    if columns and isinstance(statement, (s.SetNotNull, s.AddPrimaryKey)):
        return f"with NULL in {columns[0]}"
    if isinstance(statement, s.SetType):
        # The CHECK is about the new column as well, whose name means nothing to the reader.
        return f"whose {statement.column} is not the same value as {statement.type}"
    return f"that violate {name}"


def _table(connection: Connection, relation: int) -> Table:
    name, partitioned, key, plain = _row(connection, _TABLE, relation)
    return Table(name, partitioned, tuple(key or ()), plain is not False)


def _row(connection: Connection, sql: str, *params: object) -> Any:
    given: Sequence[Any] = params
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchone()


# The rows


def _told(connection: Connection, offence: Offence, values: bool) -> str:
    try:
        with interruptible(connection):
            rows = _rows(connection, offence.sample(values), {"statement_timeout": SEARCH, "lock_timeout": LOCK})
    except (DatabaseError, KeyboardInterrupt) as error:
        if isinstance(error, DatabaseError) and sqlstate(error) not in TOO_LONG:
            raise
        return (
            f"{printable(offence.text)}: to find them takes longer than {SEARCH / 1000:g} s. To see them: {offence.all}"
        )
    return _said(offence, rows, values)


def _said(offence: Offence, rows: Sequence[tuple[Any, ...]], values: bool) -> str:
    if not rows:
        return ""
    more = " and more" if len(rows) > ROWS else ""
    listed = _listed(offence, rows[:ROWS], values)
    hidden = "" if values or offence.table.plain else " (its key is shown with SHOW_OFFENDING_VALUES)"
    return f"{printable(offence.text)}: {listed}{more}{hidden}. To see all: {offence.all}"


def _rows(connection: Connection, sql: str, limits: dict[str, int]) -> list[tuple[Any, ...]]:
    """Run a query in a transaction of its own, with which its settings end.

    :param limits: timeouts, in ms.
    """
    values = dict(limits)
    if capabilities(connection).transaction_timeout:
        # This timeout would end the session, and nothing could be taken back then.
        values[OF_TRANSACTION] = 0
    with transaction.atomic(connection.alias), connection.cursor() as cursor:
        for setting in ["SET TRANSACTION READ ONLY", *set_local(values)]:
            cursor.execute(setting, None)
        cursor.execute(sql, None)
        return list(cursor.fetchall())


def _listed(offence: Offence, rows: Sequence[tuple[Any, ...]], shown_values: bool) -> str:
    """``id 3, 17``; ``(shop, number) (1, 3), (1, 17)``; rows that are the same as each other are ``3 = 17``."""
    named_by = offence.table.shown_by(shown_values)
    quoted = named_by == offence.table.key and not offence.table.plain
    text, left = "", 0
    for same, *shown in rows:
        name, values = shown[: len(named_by)], shown[len(named_by) :]
        row = printable(_joined([repr(part) if quoted else part for part in name]))
        if values:
            row += " with " + ", ".join("NULL" if value is None else repr(value) for value in values)
        text += ("" if not text else " = " if left else ", ") + row
        left = (left or same) - 1
    return f"{printable(_joined(named_by))} {text}"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
