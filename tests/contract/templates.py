"""Every `sql_*` template of Django's PostgreSQL and PostGIS editors, with the placeholders that we know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """A template.

    :ivar kind: "statement" reaches `execute()`; "fragment" is a piece of one; "alias" is only there to be assigned to
        the names of its kind; "unused" never becomes SQL in a migration on PostgreSQL.
    :ivar always: placeholders that stand in the text with every Django that has the template.
    :ivar sometimes: placeholders of newer or older versions.
    :ivar several: the text is more than one SQL statement.
    """

    kind: str
    always: frozenset[str]
    sometimes: frozenset[str] = frozenset()
    several: bool = False


def _statement(always: str, sometimes: str = "", *, several: bool = False) -> Known:
    return Known("statement", frozenset(always.split()), frozenset(sometimes.split()), several)


def _fragment(always: str, sometimes: str = "", *, several: bool = False) -> Known:
    return Known("fragment", frozenset(always.split()), frozenset(sometimes.split()), several)


TEMPLATES = {
    # tables
    "sql_create_table": _statement("table definition"),
    "sql_rename_table": _statement("old_table new_table"),
    "sql_retablespace_table": _statement("table new_tablespace"),
    "sql_delete_table": _statement("table"),
    "sql_alter_table_comment": _statement("table comment"),
    # columns
    "sql_create_column": _statement("table column definition"),
    "sql_alter_column": _statement("table changes"),
    "sql_alter_column_type": _fragment("column type collation"),
    "sql_alter_column_null": _fragment("column"),
    "sql_alter_column_not_null": _fragment("column"),
    "sql_alter_column_default": _fragment("column default"),
    "sql_alter_column_no_default": _fragment("column"),
    "sql_alter_column_no_default_null": _fragment("column"),
    "sql_alter_column_comment": _statement("table column comment"),
    "sql_delete_column": _statement("table column"),
    "sql_rename_column": _statement("table old_column new_column"),
    "sql_update_with_default": _statement("table column default", several=True),
    # identity columns and sequences; the typo in the second name is Django's
    "sql_add_identity": _statement("table column"),
    "sql_drop_indentity": _statement("table column"),
    "sql_alter_sequence_type": _statement("sequence type"),
    "sql_delete_sequence": _statement("sequence"),
    # constraints
    "sql_constraint": _fragment("name constraint"),
    "sql_pk_constraint": _fragment("columns"),
    "sql_unique_constraint": _fragment("columns deferrable"),
    "sql_check_constraint": _fragment("check"),
    "sql_delete_constraint": Known("alias", frozenset({"table", "name"})),
    "sql_create_check": _statement("table name check"),
    "sql_delete_check": _statement("table name"),
    "sql_create_unique": _statement("table name columns deferrable", "nulls_distinct"),
    "sql_delete_unique": _statement("table name"),
    "sql_create_pk": _statement("table name columns"),
    "sql_delete_pk": _statement("table name"),
    "sql_create_fk": _statement("table name column to_table to_column deferrable", "on_delete_db"),
    "sql_create_column_inline_fk": _fragment(
        "name to_table to_column deferrable namespace", "on_delete_db", several=True
    ),
    "sql_create_inline_fk": Known("unused", frozenset()),
    "sql_delete_fk": _statement("table name", several=True),
    # indexes
    "sql_create_index": _statement("name table using columns include extra condition"),
    "sql_create_index_concurrently": _statement("name table using columns include extra condition"),
    "sql_create_unique_index": _statement("name table columns include condition", "nulls_distinct"),
    "sql_rename_index": _statement("old_name new_name"),
    "sql_delete_index": _statement("name"),
    "sql_delete_index_concurrently": _statement("name"),
    # anything else
    "sql_delete_procedure": Known("unused", frozenset({"procedure", "param_types"})),
}

POSTGIS_TEMPLATES = {
    "sql_alter_column_to_3d": _fragment("column type"),
    "sql_alter_column_to_2d": _fragment("column type"),
}
