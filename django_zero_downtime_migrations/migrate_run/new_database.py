"""Whether a database is new: nothing in it can be in use."""

from __future__ import annotations

from ..execution.session.questions import Question

#: Whether there is any table. Those of the server itself have smaller numbers (``FirstNormalObjectId`` of PostgreSQL's
#: ``access/transam.h``), also after ``pg_upgrade``.
ANY_TABLE = Question(
    """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class c
    WHERE c.oid >= '16384'::pg_catalog.oid AND c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.objid = c.oid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
        AND d.deptype = 'e'
    )
)
""",
    columns=1,
)
