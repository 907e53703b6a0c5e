"""Missing privileges are found out before the first of several steps, and not between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...ddl import statements as s
from ...ddl.triggers import MakeTrigger
from ...django_types import Connection
from ...errors import CannotMigrate
from ...naming import quote, relation, unquote
from ...planning.kinds import Protected, Step
from ...printable import printable
from ...record import Row
from ..server_errors import INSUFFICIENT_PRIVILEGE, sqlstate

OWN, DROP, CREATE, REFERENCES = "own", "drop", "create", "references"
LANGUAGE, TRIGGER = "language", "trigger"

# A missing table, or one that is still to be made, has no row.
_MISSING = f"""
SELECT w.need, w.name, n.nspname, owner.rolname, current_user,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
FROM ROWS FROM (
    pg_catalog.unnest(%s::pg_catalog.text[]), pg_catalog.unnest(%s::pg_catalog.text[]),
    pg_catalog.unnest(%s::pg_catalog.text[])
) AS w(need, name, col)
JOIN pg_catalog.pg_class c ON c.oid = {relation("w.name")}
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles owner ON owner.oid = c.relowner
WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') OR NOT CASE w.need
    WHEN '{OWN}' THEN pg_catalog.pg_has_role(c.relowner, 'USAGE')
    WHEN '{DROP}' THEN pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role(n.nspowner, 'USAGE')
    WHEN '{CREATE}' THEN pg_catalog.has_schema_privilege(n.oid, 'CREATE')
    WHEN '{LANGUAGE}' THEN EXISTS (
        SELECT FROM pg_catalog.pg_language l
        WHERE l.lanname = 'plpgsql' AND pg_catalog.has_language_privilege(l.oid, 'USAGE')
    )
    WHEN '{TRIGGER}' THEN pg_catalog.has_table_privilege(c.oid, 'TRIGGER')
    ELSE NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attname = w.col
        AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'REFERENCES')
    ) END
LIMIT 1
"""


class Need(Row):
    """A privilege that a step needs.

    :param column: of a foreign key's target, a plain name.
    """

    what: str
    table: str
    column: str = ""


def refuse_without_rights(connection: Connection, steps: Sequence[Step]) -> None:
    """Ask, in one round trip, for what the steps on tables in use need.

    :raises CannotMigrate: with what is missing and how to give it.
    """
    if missing := _missing(connection, steps):
        raise CannotMigrate(f"{missing} Nothing of this was sent.")


def lacks(connection: Connection, step: Step, error: BaseException) -> str:
    """Say which privilege a refused step lacked and how to grant it, on a line of its own; empty if the step was
    refused for another reason.
    """
    if sqlstate(error) != INSUFFICIENT_PRIVILEGE or connection.in_atomic_block or not connection.get_autocommit():
        return ""
    missing = _missing(connection, [step])
    return f"\n{missing}" if missing else ""


def why_no_trigger(connection: Connection, table: str) -> str:
    """Say which privilege the role lacks for a trigger with its own function, and how to grant it; empty if none."""
    return _lacking(connection, _of_a_trigger(table))


def _of_a_trigger(table: str) -> tuple[Need, ...]:
    return Need(OWN, table), Need(CREATE, table), Need(LANGUAGE, table), Need(TRIGGER, table)


def _missing(connection: Connection, steps: Iterable[Step]) -> str:
    needs = dict.fromkeys(need for step in steps if isinstance(step, Protected) for need in _needs(step.statement))
    return _lacking(connection, tuple(needs))


def _lacking(connection: Connection, needs: tuple[Need, ...]) -> str:
    if not needs:
        return ""
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, [list(each) for each in zip(*needs, strict=True)])
        row = cursor.fetchone()
    return "" if row is None else printable(_text(*row))


def _needs(statement: s.Statement) -> Iterator[Need]:
    table = statement.table
    if not table or isinstance(statement, (s.Raw, s.Command)):
        return
    yield Need(DROP if isinstance(statement, (s.DropTable, s.DropIndex)) else OWN, table)
    if isinstance(statement, (s.CreateIndex, s.AddUnique, s.AddPrimaryKey, s.RenameIndex, s.RenameTable, s.ShowBoth)):
        yield Need(CREATE, table)
    if isinstance(statement, MakeTrigger):
        yield from _of_a_trigger(table)
    if isinstance(statement, s.AddForeignKey):
        yield Need(REFERENCES, statement.to_table, unquote(statement.to_column))


def _text(need: str, table: str, schema: str, owner: str, role: str, usable: bool) -> str:
    who, where = f"The role {quote(role)}", f"the schema {quote(schema)} of {table}"
    if not usable:
        return f"{who} may not use {where}: GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(role)}."
    if need == CREATE:
        return (
            f"{who} may not create anything in {where}, as this needs: "
            f"GRANT CREATE ON SCHEMA {quote(schema)} TO {quote(role)}."
        )
    if need == LANGUAGE:
        grant = f"GRANT USAGE ON LANGUAGE plpgsql TO {quote(role)}."
        return f"{who} may not use the language plpgsql, as a trigger needs: {grant}"
    if need == TRIGGER:
        return f"{who} may not create a trigger on {table}, as this needs: GRANT TRIGGER ON {table} TO {quote(role)}."
    if need == REFERENCES:
        return f"{who} may not refer to {table} (permission denied): GRANT REFERENCES ON {table} TO {quote(role)}."
    return (
        f"{who} must be owner of {table}, which belongs to {quote(owner)}: migrate as its owner, or "
        f"GRANT {quote(owner)} TO {quote(role)}."
    )
