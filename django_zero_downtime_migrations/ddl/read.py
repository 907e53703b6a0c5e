"""The text that Django passed to ``execute()`` -> a :class:`Statement`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.ddl_references import Columns
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor

from ..django_types import Sql
from ..naming import UTF8, Names, as_django_quotes, quote, split_identifier
from . import statements as s
from .identifiers import spelled
from .scan import scan
from .template import SQL

#: Statements that are replaced when they are sent: by batches, or first by drops of what depends on a table.
WHOLE = ("sql_update_with_default", "sql_delete_table")
Reader = Callable[[SQL, s.Params, str, Names], s.Statement]


def read(sql: Sql, params: s.Params, names: Names = UTF8) -> s.Statement:
    """Read a statement of Django's.

    :param sql: a string, a :class:`SQL`, or one of Django's ``ddl_references.Statement``.
    :param names: the spelling of names in the database.
    """
    return spelled(_read(sql, params, names), names)


def _read(sql: Sql, params: s.Params, names: Names) -> s.Statement:
    text = str(sql)
    if isinstance(text, SQL):
        base, suffix = _base(text)
        reader = READERS.get(base.template)
        if reader is not None and (base.template not in WHOLE or _is_djangos(base)):
            statement = reader(base, params, suffix, names)
            return statement if base is text else statement.named(sql=text)
    return _own_index(sql, text, params, names) or scan(text, params)


def _is_djangos(sql: SQL) -> bool:
    """Return whether the template is Django's own and not a subclass's: only then its parts say all that it does."""
    template = getattr(PostgresSchemaEditor, sql.template, None)
    return template is not None and str.__eq__(sql, template % sql.parts)


def _own_index(sql: Sql, text: str, params: s.Params, names: Names) -> s.Statement | None:
    """Read the statement of an index class with a template of its own; its parts still say what it makes."""
    parts = getattr(sql, "parts", None) or {}
    for create, template in (("CREATE INDEX", "sql_create_index"), ("CREATE UNIQUE INDEX", "sql_create_unique_index")):
        if {"name", "table"} <= parts.keys() and text.startswith(f"{create} {parts['name']} ON {parts['table']}"):
            # The rest of the template is not known, so it counts as more than plain columns.
            return _create_index(SQL(text, template, parts), params, text, names)
    return None


def _base(text: SQL) -> tuple[SQL, str]:
    """Return a statement and what was appended to it (`` NOT VALID``, `` TABLESPACE …``)."""
    first = text.segments[0]
    if text.template or not isinstance(first, SQL):
        return text, ""
    return first, "".join(text.segments[1:])


def _text(part: Any) -> str:
    return "" if part is None else str(part)


def _columns(part: Any, names: Names) -> tuple[str, ...] | None:
    """Return the server's names of the columns of a ``Columns`` part; None for expressions."""
    return tuple(names.plain(as_django_quotes(name)) for name in part.columns) if isinstance(part, Columns) else None


def _simple(kind: type[s.Statement], *fields: str, **renamed: str) -> Reader:
    """Return a reader that takes its fields from the parts of the same name, or of the name that ``renamed`` gives."""

    def reader(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
        values = {field: _text(sql.parts.get(field)) for field in fields}
        values |= {field: _text(sql.parts.get(part)) for field, part in renamed.items()}
        return kind(sql=sql, params=params, **values)

    return reader


def _rename_table(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    table, new_table = str(sql.parts["old_table"]), str(sql.parts["new_table"])
    *schema, name = split_identifier(new_table)
    text = sql
    if schema and schema == [*split_identifier(table)[:-1]]:
        # The table stays in its schema, and the server takes no schema after RENAME TO.
        text = SQL(sql.removesuffix(new_table) + quote(name), sql.template, sql.parts)
    return s.RenameTable(sql=text, params=params, table=table, new_table=new_table)


def _add_column(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    definition = sql.parts["definition"]
    segments = tuple(definition.segments if isinstance(definition, SQL) else (definition,))
    table, column = sql.parts["table"], sql.parts["column"]
    made = s.AddColumn(sql=sql, params=params, table=table, column=column, definition=segments)
    return made.named(to_table=str(made.foreign_key.parts["to_table"])) if made.foreign_key else made


ACTIONS: dict[str, type[s.AlterColumn]] = {
    "sql_alter_column_null": s.DropNotNull,
    "sql_alter_column_not_null": s.SetNotNull,
    "sql_alter_column_default": s.SetDefault,
    "sql_alter_column_no_default": s.DropDefault,
    "sql_alter_column_no_default_null": s.DropDefault,
}


def _alter_column(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    changes, table = sql.parts["changes"], sql.parts["table"]
    template = changes.template if isinstance(changes, SQL) else ""
    if template == "sql_alter_column_type":
        return _set_type(sql, changes, params)
    if template in ACTIONS and (ACTIONS[template] is not s.SetNotNull or _is_djangos(changes)):
        return ACTIONS[template](sql=sql, params=params, table=table, column=changes.parts["column"])
    return s.AlterColumns(sql=sql, params=params, table=table, changes=str(changes))


def _set_type(sql: SQL, changes: SQL, params: s.Params) -> s.Statement:
    collation = _text(changes.parts.get("collation")).strip()
    column, new_type = changes.parts["column"], changes.parts["type"]
    using = f" USING {column}::{new_type}"
    known = f"ALTER COLUMN {column} TYPE {new_type}{' ' if collation else ''}{collation}"
    return s.SetType(
        sql=sql,
        params=params,
        table=sql.parts["table"],
        column=column,
        type=new_type,
        collation=collation.removeprefix("COLLATE ").strip('"') or None,
        using=changes.endswith(using),
        plain=changes in (known, known + using),
    )


def _fill_nulls(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    parts = sql.parts
    return s.FillNulls(
        sql=sql, params=params, table=parts["table"], column=parts["column"], default=str(parts["default"])
    )


def _add_foreign_key(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    parts = {name: _text(part) for name, part in sql.parts.items()}
    return s.AddForeignKey(
        sql=sql,
        params=params,
        table=parts["table"],
        name=parts["name"],
        column=parts["column"],
        to_table=parts["to_table"],
        to_column=parts["to_column"],
        deferrable=parts.get("deferrable", ""),
        on_delete=parts.get("on_delete_db", ""),
        not_valid=suffix.strip() == "NOT VALID",
    )


UNIQUE_PARTS = {"table", "name", "columns", "deferrable", "nulls_distinct"}


def _add_unique(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    parts = {name: _text(part) for name, part in sql.parts.items()}
    unknown = any(part for name, part in parts.items() if name not in UNIQUE_PARTS)
    return s.AddUnique(
        sql=sql,
        params=params,
        table=parts["table"],
        name=parts["name"],
        columns=parts["columns"],
        deferrable=parts.get("deferrable", ""),
        nulls_distinct=parts.get("nulls_distinct", ""),
        plain=not unknown and not suffix and _is_djangos(sql),
    )


def _add_primary_key(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    parts = {name: _text(part) for name, part in sql.parts.items()}
    unknown = any(part for name, part in parts.items() if name not in {"table", "name", "columns"})
    return s.AddPrimaryKey(
        sql=sql,
        params=params,
        table=parts["table"],
        name=parts["name"],
        columns=parts["columns"],
        plain=not unknown and not suffix and _is_djangos(sql),
    )


def _add_check(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    return s.AddCheck(
        sql=sql,
        params=params,
        table=_text(sql.parts["table"]),
        name=_text(sql.parts["name"]),
        check=_text(sql.parts["check"]),
        not_valid=suffix.strip() == "NOT VALID",
    )


def _create_index(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    parts = sql.parts
    columns = parts.get("columns")
    extras = ("using", "extra", "condition", "include", "nulls_distinct")
    keys = _columns(columns, names)
    plain = keys is not None and not suffix and not any(_text(parts.get(name)) for name in extras)
    return s.CreateIndex(
        sql=sql,
        params=params,
        table=_text(parts["table"]),
        name=_text(parts["name"]),
        columns=keys,
        opclasses=tuple(getattr(columns, "opclasses", ()) or ()),
        unique=sql.template == "sql_create_unique_index",
        concurrently=sql.template == "sql_create_index_concurrently",
        plain=plain and not any(getattr(columns, "col_suffixes", ()) or ()),
    )


def _drop_index(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    return s.DropIndex(
        sql=sql,
        params=params,
        table=_text(sql.parts.get("table")),
        name=_text(sql.parts["name"]),
        concurrently=sql.template == "sql_delete_index_concurrently",
    )


def _drop_constraint(kind: str) -> Reader:
    def reader(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
        return s.DropConstraint(
            sql=sql, params=params, table=_text(sql.parts["table"]), name=_text(sql.parts["name"]), kind=kind
        )

    return reader


def _drop_foreign_key(sql: SQL, params: s.Params, suffix: str, names: Names) -> s.Statement:
    return s.DropForeignKey(sql=sql, params=params, table=_text(sql.parts["table"]), name=_text(sql.parts["name"]))


READERS: dict[str, Reader] = {
    "sql_create_table": _simple(s.CreateTable, "table"),
    "sql_delete_table": _simple(s.DropTable, "table"),
    "sql_rename_table": _rename_table,
    "sql_retablespace_table": _simple(s.SetTablespace, "table"),
    "sql_create_column": _add_column,
    "sql_delete_column": _simple(s.DropColumn, "table", "column"),
    "sql_rename_column": _simple(s.RenameColumn, "table", "new_column", column="old_column"),
    "sql_alter_column": _alter_column,
    "sql_update_with_default": _fill_nulls,
    "sql_add_identity": _simple(s.AddIdentity, "table", "column"),
    "sql_drop_indentity": _simple(s.DropIdentity, "table", "column"),
    "sql_create_fk": _add_foreign_key,
    "sql_create_unique": _add_unique,
    "sql_create_pk": _add_primary_key,
    "sql_create_check": _add_check,
    "sql_create_index": _create_index,
    "sql_create_index_concurrently": _create_index,
    "sql_create_unique_index": _create_index,
    "sql_delete_index": _drop_index,
    "sql_delete_index_concurrently": _drop_index,
    "sql_rename_index": _simple(s.RenameIndex, "table", "new_name", name="old_name"),
    "sql_delete_fk": _drop_foreign_key,
    "sql_delete_check": _drop_constraint("check"),
    "sql_delete_unique": _drop_constraint("unique"),
    "sql_delete_pk": _drop_constraint("primary key"),
    "sql_delete_constraint": _drop_constraint("constraint"),
    "sql_alter_table_comment": _simple(s.SetComment, "table"),
    "sql_alter_column_comment": _simple(s.SetComment, "table", "column"),
    "sql_alter_sequence_type": _simple(s.AlterSequence, "sequence"),
    "sql_delete_sequence": _simple(s.DropSequence, "sequence"),
}
