"""Django's questions about the tables of models, if one may be a view for a while."""

from __future__ import annotations

import re
from typing import Any, Final

# Django's own module of operations cannot be imported before its base module.
import django.db.backends.postgresql.base  # noqa: F401
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql.operations import DatabaseOperations as PostgresOperations

from ...django_types import Connection
from ...settings import effective

_OF_TABLE: Final = r"pg_get_serial_sequence\(('.*?'),('.*?')\)"
# The sequence of the table behind a view; nothing for a table.
_OF_VIEW: Final = (
    "SELECT pg_catalog.pg_get_serial_sequence(d.refobjid::pg_catalog.regclass::pg_catalog.text, "
    "a.attname::pg_catalog.text) FROM pg_catalog.pg_rewrite r "
    "JOIN pg_catalog.pg_depend d ON d.objid = r.oid "
    "AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid "
    "AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid <> r.ev_class "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum::pg_catalog.int4 = d.refobjsubid "
    "WHERE r.ev_class = {table}::pg_catalog.regclass::pg_catalog.oid AND pg_catalog.pg_get_serial_sequence("
    "d.refobjid::pg_catalog.regclass::pg_catalog.text, a.attname::pg_catalog.text) IS NOT NULL "
    "ORDER BY a.attname::pg_catalog.text <> {column}::pg_catalog.text, a.attnum LIMIT 1"
)


def expands(connection: Connection) -> bool:
    """Return whether EXPAND_CONTRACT is on for a database. ``migrate`` reports a setting that cannot be read."""
    kept = vars(connection)
    if "_zero_downtime_migrations_expands" not in kept:
        try:
            kept["_zero_downtime_migrations_expands"] = effective(connection.alias).expand_contract
        except ImproperlyConfigured:
            return False
    return bool(kept["_zero_downtime_migrations_expands"])


class OperationsMixin:
    """The questions with views in mind. This class precedes any PostgreSQL operations class."""

    connection: Any

    def sequence_reset_sql(self, style: object, model_list: object) -> list[str]:
        """Return Django's SQL, and SQL for a table behind a view: the server returns no sequence for a view, and Django
        would then reset none.
        """
        parent: Any = super()
        found: list[str] = parent.sequence_reset_sql(style, model_list)
        return [re.sub(_OF_TABLE, _of_both, sql) for sql in found] if expands(self.connection) else found


def _of_both(found: re.Match[str]) -> str:
    table, column = found.groups()
    return f"coalesce({found[0]}, ({_OF_VIEW.format(table=table, column=column)}))"


class DatabaseOperations(OperationsMixin, PostgresOperations):
    pass
