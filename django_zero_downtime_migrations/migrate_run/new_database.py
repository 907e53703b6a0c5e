"""Whether a database is new: nothing in it can be in use."""

from __future__ import annotations

from ..execution.questions import Question

#: Whether there is any table.
ANY_TABLE = Question(
    """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema' AND n.nspname::pg_catalog.text NOT LIKE 'pg\\_%%'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.objid = c.oid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
        AND d.deptype = 'e'
    )
)
""",
    columns=1,
)
