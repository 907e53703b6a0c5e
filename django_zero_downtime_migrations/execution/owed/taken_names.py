"""Whether another role has made something under the names of a trigger's function and counter."""

from __future__ import annotations

from typing import Final

from ...django_types import Connection
from ...naming import quote
from ...printable import printable
from ..session.questions import rows

_OF_OTHERS: Final = """
SELECT 'FUNCTION'::pg_catalog.text, p.oid::pg_catalog.regprocedure::pg_catalog.text, r.rolname::pg_catalog.text
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_roles r ON r.oid = p.proowner
WHERE p.oid = pg_catalog.to_regprocedure(%s::pg_catalog.text)::pg_catalog.oid
AND NOT pg_catalog.pg_has_role(p.proowner, 'USAGE')
UNION ALL
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END::pg_catalog.text,
       c.oid::pg_catalog.regclass::pg_catalog.text, r.rolname::pg_catalog.text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
WHERE c.oid = pg_catalog.to_regclass(%s::pg_catalog.text)::pg_catalog.oid
AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
"""


def why_taken(connection: Connection, function: str, sequence: str) -> str:
    """Say which object of another role is in the way, and how to remove it; empty if there is none.

    :param function: its name as in SQL, without parameters.
    :param sequence: the counter's name as in SQL.
    """
    found = rows(connection, _OF_OTHERS, f"{function}()", sequence)
    return " ".join(
        f"The {kind.lower()} {printable(name)} has its name and belongs to the role {printable(quote(owner))}: "
        f"DROP {kind} {printable(name)}."
        for kind, name, owner in found
    )
