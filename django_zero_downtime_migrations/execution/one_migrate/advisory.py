"""The advisory lock of ``execution.one_migrate.one_at_a_time``: its keys, and the sessions that hold it.

Any role that may connect can take any advisory lock. So a lock counts as another ``migrate`` only if its role could
migrate here as well. If a role that could not migrate holds the usual key, there are four thousand million others.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.db.migrations.recorder import MigrationRecorder

from ...django_types import Connection
from ...naming import quote
from ...printable import printable
from ...record import Row
from ..session.questions import Question, ask_together, rows

#: The first of the usual key's two halves; the second is the hash of the schema's name.
KEY = 0x5A444D31
#: ``pg_locks.objsubid``: whether a key was given as one bigint or as two integers.
ONE, TWO = 1, 2
#: ``pg_locks.mode`` of the lock that a migrate takes.
EXCLUSIVE = "ExclusiveLock"
#: How many holders of the usual key that are not a migrate a warning names.
NAMED = 5

# On a direct connection, one round trip finds the place and tries its lock. In a transaction, statistics of other
# sessions that the server has returned before would be returned again. The answer is used to judge the search_path, so
# no operator is looked up through it before.
_PLACE = f"""
WITH place AS MATERIALIZED (
    SELECT pg_catalog.current_database()::pg_catalog.text AS database,
        pg_catalog.current_schema()::pg_catalog.text AS schema,
        pg_catalog.hashtext(COALESCE(pg_catalog.current_schema()::pg_catalog.text, ''::pg_catalog.text)) AS key
)
SELECT pg_catalog.pg_backend_pid(), p.database, p.schema, p.key,
    CASE
        WHEN pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) %s::pg_catalog.int4
        THEN pg_catalog.pg_try_advisory_lock({KEY}::pg_catalog.int4, p.key)
    END,
    pg_catalog.current_schemas(true)::pg_catalog.text[],
    (
        SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(%s::pg_catalog.text)::pg_catalog.oid
    ),
    pg_catalog.pg_stat_clear_snapshot()
FROM place p
"""
# A condition on pg_locks. Its parameters: the two halves of the usual key, the first half of other keys, the pid of a
# session of ours.
_OF_OTHERS = f"""l.locktype = 'advisory'::pg_catalog.text AND l.granted
AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
AND (
    l.objsubid = {TWO}::pg_catalog.int2 AND l.classid = %s::pg_catalog.oid AND l.objid = %s::pg_catalog.oid
    OR l.objsubid = {ONE}::pg_catalog.int2 AND l.classid = %s::pg_catalog.oid
)
AND (l.pid IS NULL OR l.pid <> pg_catalog.pg_backend_pid() AND l.pid <> %s::pg_catalog.int4)"""
# Planning the long question takes the server 9 ms, and almost always there is nothing to find.
_ANY = Question(f"SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE {_OF_OTHERS})", 1)
# A role could migrate here if it is the role that migrates, or a member of that role, of the owner of the database, of
# the schema or of the record of migrations; a superuser is a member of every role. usesysid is the role that has logged
# in, whatever SET ROLE and SET SESSION AUTHORIZATION say, and every role may see it (14 and 18). A migrate takes its
# lock in exclusive mode, and never in a prepared transaction. The process is looked up when its lock is known: one join
# could read the sessions first and miss a new one.
_LOOK = f"""
WITH locks AS MATERIALIZED (
    SELECT * FROM pg_catalog.pg_locks
), able(role) AS (
    SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
    UNION ALL
    SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
    UNION ALL
    SELECT n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname = %s::pg_catalog.name
    UNION ALL
    SELECT c.relowner FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s::pg_catalog.name AND c.relname = %s::pg_catalog.name
), held AS (
    SELECT l.*, l.objsubid = {TWO}::pg_catalog.int2 AS usual, a.usesysid, a.application_name, a.client_addr,
        a.backend_type, a.state, a.query, a.xact_start, a.state_change, a.backend_start,
        l.mode = '{EXCLUSIVE}'::pg_catalog.text AND EXISTS (
            SELECT FROM able WHERE pg_catalog.pg_has_role(a.usesysid, able.role, 'MEMBER'::pg_catalog.text)
        ) AS migrates
    FROM locks l
    LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(COALESCE(l.pid, 0::pg_catalog.int4)) a ON true
    WHERE {_OF_OTHERS}
)
SELECT
    h.migrates, h.mode, pg_catalog.date_trunc('second'::pg_catalog.text, h.backend_start)::pg_catalog.text,
    h.pid, COALESCE(r.rolname, p.owner)::pg_catalog.text, h.application_name, pg_catalog.host(h.client_addr),
    h.backend_type, h.state, p.gid,
    CASE
        WHEN h.state IS NOT NULL OR p.prepared IS NOT NULL
        THEN pg_catalog.date_part('epoch'::pg_catalog.text, pg_catalog.clock_timestamp() - COALESCE(
            CASE WHEN h.state = 'idle'::pg_catalog.text THEN h.state_change ELSE h.xact_start END, p.prepared,
            pg_catalog.clock_timestamp()
        )) * 1000::pg_catalog.float8
    END::pg_catalog.int8,
    NULL, NULL, NULL,
    CASE
        WHEN %s::pg_catalog.bool AND h.state <> 'idle'::pg_catalog.text
        THEN pg_catalog."left"(h.query, %s::pg_catalog.int4)
    END
FROM held h
LEFT JOIN pg_catalog.pg_roles r ON r.oid = h.usesysid
LEFT JOIN locks x ON h.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'::pg_catalog.text
    AND x.virtualtransaction = h.virtualtransaction
LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE h.migrates OR h.usual
ORDER BY COALESCE(h.migrates, false) DESC, h.pid
LIMIT %s::pg_catalog.int8
"""


class Holder(Row):
    """A session that holds the lock, with a description if it is not a migrate.

    :param who: in words.
    :param end: SQL that ends it.
    """

    who: str
    end: str


class Key(Row):
    """A key as ``pg_locks`` shows it: two unsigned halves, and how they were given."""

    high: int
    low: int
    form: int

    @property
    def arguments(self) -> str:
        """The arguments of ``pg_advisory_lock()``."""
        if self.form == TWO:
            return ", ".join(f"'{_signed(half, 32)}'::pg_catalog.int4" for half in (self.high, self.low))
        return f"'{_signed(self.high << 32 | self.low, 64)}'::pg_catalog.int8"


class Place(Row):
    """The database and schema in which one run of ``migrate`` at a time has its turn.

    :param pid: of the server process that was asked.
    :param schema: None if no schema of the search_path exists.
    :param key: the hash of the schema's name.
    :param locked: whether the session has got its usual key; None if that was not tried.
    :param path: the schemas in which names are looked up, in their order.
    :param records: the schema of the table in which Django records migrations; None if there is none yet.
    """

    pid: int
    database: str
    schema: str | None
    key: int
    locked: bool | None
    path: list[str]
    records: str | None

    def __str__(self) -> str:
        schema = f", schema {printable(repr(self.schema))}" if self.schema else ""
        return f"the database {printable(repr(self.database))}{schema}"

    @property
    def usual(self) -> Key:
        return Key(KEY, self.key & 0xFFFFFFFF, TWO)

    def another(self) -> Key:
        """A key that another role cannot have taken beforehand: its second half is random."""
        return Key(self._others, secrets.randbits(32), ONE)

    @property
    def _others(self) -> int:
        return KEY ^ self.key & 0xFFFFFFFF


class Seen(Row):
    """The holders of a place's keys.

    :param migrate: another migrate.
    :param strangers: sessions that hold the usual key and are not a migrate.
    """

    migrate: Holder | None
    strangers: tuple[Holder, ...]


def find_place(connection: Connection, lock: bool = False) -> Place:
    """Find the place in which the connection migrates.

    :param lock: try to take the usual key for the session, unless a pooler is in between.
    """
    connection.ensure_connection()
    # A pooler makes up the process id that the driver knows.
    pid = connection.connection.info.backend_pid if lock else 0
    return Place(*rows(connection, _PLACE, pid, quote(_records()))[0][:-1])


def unlock(place: Place) -> str:
    """Return the SQL that releases the key that :func:`find_place` has got for the session."""
    return f"SELECT pg_catalog.pg_advisory_unlock({place.usual.arguments})"


def records_question(place: Place) -> Question | None:
    """Ask which migrations are recorded, by app and name; None if the table that records them does not exist."""
    if place.records is None:
        return None
    table = f"{quote(place.records)}.{quote(_records())}".replace("%", "%%")
    return Question(f"SELECT app, name FROM {table}", 2)


def look(
    connection: Connection, place: Place, queries: bool, also: int = 0, beside: Sequence[Question] = ()
) -> tuple[Seen, list[list[tuple[Any, ...]]]]:
    """Ask which other sessions hold a key of the place.

    :param queries: also ask what they are running.
    :param also: the pid of another session of ours.
    :param beside: questions for the same round trip; the second value returned has their answers.
    """
    keys = (*map(str, place.usual[:2]), str(place._others))
    [(is_held,)], *answers = ask_together(connection, [_ANY._replace(params=(*keys, also)), *beside])
    if not is_held:
        return Seen(None, ()), answers
    # Imported here: almost always there is nothing to tell.
    from ..locks.blockers import QUERY

    question = Question(_LOOK, 15, (place.schema, place.schema, _records(), *keys, also, queries, QUERY, NAMED))
    found, *answers = ask_together(connection, [question, *beside])
    migrates = [_holder(*row) for row in found if row[0]]
    return Seen(migrates[0] if migrates else None, tuple(_holder(*row) for row in found if not row[0])), answers


def _records() -> str:
    """Return the table in which Django records migrations: a model, which exists only when there are settings."""
    return str(MigrationRecorder.Migration._meta.db_table)


def _holder(migrates: bool | None, mode: str, since: str | None, *blocker: Any) -> Holder:
    # Imported here: almost always there is nothing to tell.
    from ...locks import Blocker

    found = Blocker(*blocker)
    who = printable(str(found)) + (f", connected since {since}" if since else "")
    if found.prepared is not None:
        gid = printable(found.prepared.replace("'", "''"))
        return Holder(f"{who}: a prepared transaction is not a migrate", f"ROLLBACK PREPARED '{gid}'")
    if mode != EXCLUSIVE:
        who += ": the lock is a shared one, which a migrate does not take"
    elif not migrates:
        who += f": the role {printable(repr(found.user))} could not migrate here"
    return Holder(who, f"SELECT pg_terminate_backend({found.pid})")


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value
