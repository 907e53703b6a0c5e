"""Acts of an intruder, or of a careless user, beside a migration: a sentence for each, and how it has to end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from django_zero_downtime_migrations.ddl.statements import Raw
from django_zero_downtime_migrations.execution.journal.store import NAME
from django_zero_downtime_migrations.execution.journal.stored_steps import stored_step
from django_zero_downtime_migrations.execution.one_migrate.advisory import KEY
from django_zero_downtime_migrations.planning.steps import short

from .intruder import ADMIN, APPLICATION, CREATOR, GUEST, OWNER
from .scenarios.bad_data import Bad


class When(Enum):
    #: The act comes before the run that is interrupted.
    BEFORE = "before the first run"
    #: The act comes between the interrupted run and the next one.
    BETWEEN = "between the runs"
    #: The second run waits for what the act holds.
    WAITS = "while the second run waits"
    #: The act holds it until the second run has ended.
    THROUGHOUT = "throughout the second run"


class Act(NamedTuple):
    """An act.

    :param name: a sentence.
    :param who: one of the roles.
    :param sql: with ``{journal}`` for the existing journals, ``{planned}`` for the journals that will exist,
        ``{table}`` for each table, ``{old}`` for each that was there before, ``{missing}`` for a relation that is still
        to be made, ``{index}`` and ``{constraint}`` ``{of}`` a table for what is half made. Without such an object the
        act has no occasion.
    :param hold: what is held in an open transaction meanwhile.
    :param denied: the server does not let the role do it, and says this.
    :param too_late: the server may say this, if the run was faster or the table is another: nothing is done.
    :param refused: the run may be refused, with this in its text. Without it, the run has to go on.
    :param always: the run is refused if there is an occasion, and does not go on.
    :param late: the run is refused at a step: earlier steps stay.
    :param mend: what the refusal names, as the owner does it.
    :param by: the role that mends.
    :param undo: what a superuser removes before the database is compared, however it has ended.
    :param as_stock: compare with stock Django's result if the act was done before, if it can; this package may call
        another role's functions if stock Django does.
    :param repaired: compare with what stock Django makes of what the mend has left.
    :param warned: the run may say this instead of ending as stock Django's.
    :param settings: ZERO_DOWNTIME_MIGRATIONS.
    """

    name: str
    who: str
    sql: str = ""
    when: When = When.BETWEEN
    hold: str = ""
    denied: str = ""
    too_late: str = ""
    refused: str = ""
    always: bool = False
    late: bool = False
    mend: str = ""
    by: str = OWNER
    undo: str = ""
    as_stock: bool = False
    repaired: bool = False
    warned: str = ""
    settings: Mapping[str, object] = {}

    def __str__(self) -> str:
        return f"{self.who}: {self.name}, {self.when.value}"


#: For ``mend``: what the refusal says that the interrupted run had sent.
PRINTED = "had sent (.*)"
_SING = "SELECT canary.sing()"
_STEP = stored_step(short(Raw(sql=_SING), _SING), lambda query: query.sql)
#: Steps as a journal has them, of which each would be carried out.
STEPS = "'" + json.dumps([_STEP] * 9).replace("{", "{{").replace("}", "}}") + "'"
HEADER = """'{{"format": 1, "app": "app", "name": "0002_change", "backwards": false, "code": []}}'"""
NOT_OWNER = "must be owner of"

#: Other roles cannot write into a journal, or make anything depend on it that would stop its owner.
ON_THE_JOURNAL = [
    Act("writes steps of its own", APPLICATION, "COMMENT ON COLUMN {journal}.steps IS " + STEPS, denied=NOT_OWNER),
    Act("writes another header", CREATOR, "COMMENT ON TYPE {journal} IS " + HEADER, denied=NOT_OWNER),
    Act("writes what is done", GUEST, "COMMENT ON COLUMN {journal}.progress IS NULL", denied=NOT_OWNER),
    Act("removes the journal", CREATOR, "DROP TYPE {journal}", denied=NOT_OWNER),
    Act("renames the journal", CREATOR, "ALTER TYPE {journal} RENAME TO mine", denied=NOT_OWNER),
    Act("takes the journal", CREATOR, "ALTER TYPE {journal} OWNER TO {creator}", denied=NOT_OWNER),
    Act("adds to the journal", CREATOR, "ALTER TYPE {journal} ADD ATTRIBUTE log0 text", denied=NOT_OWNER),
    Act(
        "writes into the catalogue",
        APPLICATION,
        "UPDATE pg_catalog.pg_description SET description = '' WHERE objoid = '{journal}'::regtype",
        denied="permission denied",
    ),
    Act("makes a column of it", CREATOR, "CREATE TABLE mine (a {journal})", denied="permission denied for type"),
    Act("makes a column of it", APPLICATION, "CREATE TEMP TABLE mine (a {journal})", denied="permission denied"),
    # Newer servers (18.6, not 18.4) ask for a privilege on a type in an expression as well.
    Act(
        "makes a view of it",
        CREATOR,
        "CREATE VIEW mine{n} AS SELECT NULL::{journal} IS NULL AS a",
        too_late="permission denied for type",
    ),
    Act(
        "makes a view of it",
        GUEST,
        "CREATE TEMP VIEW mine{n} AS SELECT NULL::{journal} IS NULL AS a",
        too_late="permission denied for type",
    ),
    Act(
        "makes a view of it and locks that",
        GUEST,
        "CREATE TEMP VIEW mine{n} AS SELECT NULL::{journal} IS NULL AS a; "
        "BEGIN; LOCK TABLE mine{n} IN ACCESS SHARE MODE",
        too_late="permission denied for type",
    ),
]


def planted(name: str, sql: str, drop: str, **more: object) -> list[Act]:
    """Make acts under the name of a journal, before the first run and between the two."""
    given = {"sql": sql, "mend": f"{drop}; REVOKE CREATE ON SCHEMA public FROM {{creator}}", "always": True}
    given |= {"refused": "(?s)zero_downtime_migrations_journal.*REVOKE CREATE ON SCHEMA", **more}
    return [Act(f"plants {name}", CREATOR, when=when, **given) for when in (When.BEFORE, When.BETWEEN)]  # type: ignore[arg-type]


#: What has the name of a journal, and is not the owner's.
PLANTED = [
    *planted(
        "a journal",
        "CREATE TYPE public.{planned} AS (progress text, steps text, log0 text); "
        "COMMENT ON TYPE public.{planned} IS " + HEADER + "; COMMENT ON COLUMN public.{planned}.steps IS " + STEPS,
        "DROP TYPE public.{planned}",
    ),
    *planted("a journal of another format", f"CREATE TYPE public.{NAME}_2 AS (a text)", f"DROP TYPE public.{NAME}_2"),
    *planted("a table", "CREATE TABLE public.{planned} (progress text)", "DROP TABLE public.{planned}"),
    *planted("a view", "CREATE VIEW public.{planned} AS SELECT canary.sing()", "DROP VIEW public.{planned}"),
    *planted("an enum", "CREATE TYPE public.{planned} AS ENUM ('a')", "DROP TYPE public.{planned}"),
    *planted("a domain", "CREATE DOMAIN public.{planned} AS text", "DROP DOMAIN public.{planned}"),
    *planted("a sequence", "CREATE SEQUENCE public.{planned}", "DROP SEQUENCE public.{planned}"),
    *planted(
        "an index",
        "CREATE TABLE public.mine{n} (a int); CREATE INDEX {planned} ON public.mine{n} (a)",
        "DROP INDEX public.{planned}",
    ),
]


def in_the_way(name: str, sql: str, drop: str, **more: object) -> list[Act]:
    """Make acts under the name of a relation that is still to be made."""
    given = {"sql": sql, "mend": drop, "refused": "{missing}", "late": True, **more}
    return [
        Act(name, CREATOR, when=When.BEFORE, as_stock=True, **given),  # type: ignore[arg-type]
        Act(name, CREATOR, when=When.BETWEEN, **given),  # type: ignore[arg-type]
    ]


#: What has the name of something that the migration makes.
IN_THE_WAY = [
    *in_the_way("makes a table in the way", "CREATE TABLE public.{missing} (a int)", "DROP TABLE public.{missing}"),
    *in_the_way("makes a view in the way", "CREATE VIEW public.{missing} AS SELECT 1", "DROP VIEW public.{missing}"),
    *in_the_way(
        "makes an index in the way",
        "CREATE TABLE public.mine (a int, b bool); CREATE INDEX {missing} ON public.mine (a) WHERE b",
        "DROP INDEX public.{missing}",
    ),
]

#: Better fitting than what the server has.
HOSTILE = Act(
    "plants functions and operators",
    CREATOR,
    """
    SET search_path = pg_catalog;
    DO $do$ DECLARE one text; BEGIN
        FOREACH one IN ARRAY ARRAY['text, name', 'name, text', 'name, name', 'oid, int4', 'oid, int8', 'oid, regclass',
            'int2, int4', 'int4, int2', '"char", text', '"char", name', 'regclass, text',
            'int8, numeric', 'int2[], int2[]', 'int2vector, int2[]'] LOOP
            EXECUTE format('CREATE FUNCTION public.sings(%s) RETURNS bool LANGUAGE sql AS $f$ SELECT canary.sing() $f$',
                one);
            CONTINUE WHEN to_regoperator(format('pg_catalog.=(%s)', one)) IS NOT NULL;
            EXECUTE format('CREATE OPERATOR public.= (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.sings)',
                split_part(one, ',', 1), split_part(one, ',', 2));
        END LOOP;
        FOREACH one IN ARRAY ARRAY['hashtext(name)', 'quote_ident(name)', 'pg_get_indexdef(int4)', 'format_type(int4)',
            'to_regclass(name)', 'pg_try_advisory_lock(int4, int8)', 'pg_try_advisory_lock(int8, int4)',
            'set_config(text, text)', 'coalesce(text, text)', 'left(name, int4)', 'pg_get_expr(text, oid)'] LOOP
            EXECUTE format('CREATE FUNCTION public.%s RETURNS text LANGUAGE sql AS '
                '$f$ SELECT canary.sing()::text $f$', replace(one, 'coalesce', '"coalesce"'));
        END LOOP;
        FOREACH one IN ARRAY ARRAY['pg_class', 'pg_index', 'pg_constraint', 'pg_type', 'pg_locks', 'pg_stat_activity']
        LOOP
            EXECUTE format('CREATE VIEW public.%I AS SELECT canary.sing()', one);
        END LOOP;
    END $do$;
    RESET search_path
    """,
    When.BETWEEN,
)

_USUAL = f"{KEY}, hashtext('public')"
#: The key of a migrate that has found the usual one taken.
_OTHER = f"({KEY}::bigint # (hashtext('public')::bigint & 4294967295)) << 32 | 7"
_SHORT = {"LOCK_RETRY_TIMEOUT": "1s"}
#: Acts that hold up a session which waits for them for ever.
LOCKS = [
    Act("has the lock of migrate", GUEST, hold=f"SELECT pg_advisory_lock({_USUAL})", when=When.THROUGHOUT),
    Act("shares the lock of migrate", GUEST, hold=f"SELECT pg_advisory_lock_shared({_USUAL})", when=When.THROUGHOUT),
    Act(
        "has the lock of migrate in its transaction",
        APPLICATION,
        hold=f"SELECT pg_advisory_xact_lock({_USUAL})",
        when=When.THROUGHOUT,
    ),
    Act("has another lock of migrate", GUEST, hold=f"SELECT pg_advisory_lock({_OTHER})", when=When.THROUGHOUT),
    Act("reads a table for a while", APPLICATION, hold="SELECT FROM {table} LIMIT 1", when=When.WAITS),
    Act(
        "reads a table for too long",
        APPLICATION,
        hold="SELECT FROM {table} LIMIT 1",
        when=When.THROUGHOUT,
        refused="idle in transaction|{application}|LOCK_TIMEOUT",
        late=True,
        settings=_SHORT,
    ),
    Act("locks rows for a while", APPLICATION, hold="SELECT FROM {table} FOR UPDATE", when=When.WAITS),
    Act("locks a table for a while", APPLICATION, hold="LOCK TABLE {table}", when=When.WAITS),
    Act("locks the records for a while", APPLICATION, hold="LOCK TABLE django_migrations", when=When.WAITS),
    Act(
        "plants a journal",
        CREATOR,
        "CREATE TYPE public.{planned} AS (progress text)",
        When.WAITS,
        hold="LOCK TABLE {table} IN ACCESS SHARE MODE",
        too_late="already exists",
        refused="{planned}",
        mend="DROP TYPE IF EXISTS public.{planned}",
        late=True,
    ),
    Act(
        "makes a table in the way",
        CREATOR,
        "CREATE TABLE public.{missing} (a int)",
        When.WAITS,
        hold="LOCK TABLE {table} IN ACCESS SHARE MODE",
        too_late="already exists",
        refused="{missing}",
        mend="DROP TABLE IF EXISTS public.{missing}",
        late=True,
    ),
]

_GIVEN_BACK = """
ALTER TABLE {table} OWNER TO {owner}; REVOKE ALL ON {table} FROM {application};
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {application}
"""
#: Privileges that are used, or that were revoked or granted.
RIGHTS = [
    Act(
        "puts a trigger on a table",
        CREATOR,
        "CREATE TRIGGER mine{n} BEFORE INSERT OR UPDATE ON {old} FOR EACH ROW EXECUTE FUNCTION canary.fly()",
        undo="DROP TRIGGER IF EXISTS mine{n} ON {old}",
        as_stock=True,
    ),
    Act("makes a rule", CREATOR, "CREATE RULE mine AS ON INSERT TO {table} DO ALSO SELECT 1", denied=NOT_OWNER),
    Act("makes a policy", CREATOR, "CREATE POLICY mine ON {table} USING (canary.sing())", denied=NOT_OWNER),
    Act(
        "refers to a table",
        CREATOR,
        "CREATE TABLE mine{n} (id bigint REFERENCES {table})",
        too_late="there is no primary key for",
    ),
    Act("makes a view of a table", CREATOR, "CREATE VIEW mine{n} AS SELECT FROM {table}"),
    Act(
        "takes the right to create from the owner",
        ADMIN,
        """
        ALTER SCHEMA public OWNER TO CURRENT_USER; REVOKE ALL ON SCHEMA public FROM {owner} -- while {journal} is there
        """,
        refused="GRANT CREATE ON SCHEMA",
        mend="ALTER SCHEMA public OWNER TO {owner}; GRANT ALL ON SCHEMA public TO {owner}",
        by=ADMIN,
        undo="ALTER SCHEMA public OWNER TO {owner}; GRANT ALL ON SCHEMA public TO {owner}",
        always=True,
    ),
    Act(
        "takes the right to make temporary tables from all",
        ADMIN,
        'REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC',
        refused='GRANT TEMPORARY ON DATABASE "{database}"',
        mend='GRANT TEMPORARY ON DATABASE "{database}" TO PUBLIC',
        by=ADMIN,
        late=True,
    ),
    Act(
        "gives a table to another role",
        ADMIN,
        "ALTER TABLE {table} OWNER TO {application}; GRANT ALL ON {table} TO {owner}",
        refused="must be owner of",
        mend=_GIVEN_BACK,
        by=ADMIN,
        undo=_GIVEN_BACK,
        late=True,
    ),
    Act(
        "gives the journal to another role",
        ADMIN,
        "ALTER TYPE {journal} OWNER TO {application}",
        refused="belongs to the role",
        mend="ALTER TYPE {journal} OWNER TO {owner}",
        by=ADMIN,
        always=True,
    ),
    Act(
        "makes a schema that comes before public",
        ADMIN,
        """
        CREATE SCHEMA {owner} AUTHORIZATION {creator};
        GRANT ALL ON SCHEMA {owner} TO {owner} -- while {journal} is there
        """,
        refused="search_path.*forget it",
        mend="DROP SCHEMA {owner}",
        by=ADMIN,
        undo="DROP SCHEMA IF EXISTS {owner}",
    ),
]

#: The owner is careless himself.
CARELESS = [
    Act(
        "renames a half made index",
        OWNER,
        "ALTER INDEX {index} RENAME TO renamed -- while {journal} is there",
        refused="changed by hand",
        mend="ALTER INDEX renamed RENAME TO {index}",
        # It is his own.
        undo="DROP INDEX IF EXISTS renamed",
    ),
    Act(
        "removes a half made index",
        OWNER,
        "DROP INDEX {index} -- while {journal} is there",
        refused="changed by hand",
        mend=PRINTED,
    ),
    Act(
        "removes a constraint that is not valid",
        OWNER,
        "ALTER TABLE {of} DROP CONSTRAINT {constraint}",
        refused="changed by hand",
        mend=PRINTED,
    ),
    Act("validates a constraint", OWNER, "ALTER TABLE {of} VALIDATE CONSTRAINT {constraint}"),
    Act(
        "removes the record of an earlier migration",
        APPLICATION,
        # Where a later one is recorded, Django itself refuses.
        """
        DELETE FROM django_migrations WHERE name = '0001_before'
        AND NOT EXISTS (SELECT FROM django_migrations WHERE name LIKE '0002%') -- while {journal} is there
        """,
        refused="already exists",
        late=True,
        mend="INSERT INTO django_migrations (app, name, applied) VALUES ('app', '0001_before', now())",
        by=APPLICATION,
    ),
    Act(
        "records a migration as done",
        APPLICATION,
        """
        INSERT INTO django_migrations (app, name, applied) SELECT 'app', '0002_change', now()
        WHERE EXISTS (SELECT FROM django_migrations WHERE name = '0001_before')
        AND NOT EXISTS (SELECT FROM django_migrations WHERE name LIKE '0002%') -- while {journal} is there
        """,
        # Where it is a part of a squashed one.
        refused="was interrupted at .*, and is not part of this run",
        mend="DELETE FROM django_migrations WHERE name = '0002_change'",
        by=APPLICATION,
        warned="is recorded, and its journal says that it was interrupted",
    ),
]


def spoiling(bad: Bad) -> Act:
    """Rows that a constraint of the migration forbids."""
    given = {"refused": bad.said, "mend": bad.repaired, "late": True, "repaired": True, "too_late": "violates"}
    return Act("spoils the rows", APPLICATION, bad.broken, **given)  # type: ignore[arg-type]


ACTS = [*ON_THE_JOURNAL, *PLANTED, *IN_THE_WAY, HOSTILE, *LOCKS, *RIGHTS, *CARELESS]
