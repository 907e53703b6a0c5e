"""Roles beside the one that migrates, and their acts on its database before, between and during two runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from typing import Any

from django_zero_downtime_migrations.execution.journal.store import Identity
from tests import databases
from tests.backends.sessions import run
from tests.operations.case import APP

from .recovery import JOURNAL
from .scenarios.scenario import BEFORE, Scenario

# The roles. The owner has the schema and its tables, and migrates; it is not a superuser.
OWNER = "owner"
#: The application: it reads and writes all tables, by the owner's default privileges.
APPLICATION = "application"
#: This role may create in the schema, and put triggers and foreign keys on its tables.
CREATOR = "creator"
#: This role may connect, as every role may.
GUEST = "guest"
#: The administrator of the server: a careless superuser.
ADMIN = "admin"
ROLES = {name: f"zdm_{name}_{os.getpid()}" for name in (OWNER, APPLICATION, CREATOR, GUEST)}

# Everything that the others plant calls canary.sing(). It counts calls with the owner's privileges alone, also if the
# calling transaction is rolled back.
_PREPARE = """
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO {owner};
GRANT USAGE ON SCHEMA public TO PUBLIC;
GRANT CREATE ON SCHEMA public TO {creator};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {application};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT, REFERENCES, TRIGGER ON TABLES TO {creator};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON SEQUENCES TO {application};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON TYPES TO {application}, {creator};
DO $do$ DECLARE one text; BEGIN
    FOR one IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') LOOP
        EXECUTE 'ALTER TABLE ' || one || ' OWNER TO {owner}';
        EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON ' || one || ' TO {application}';
        EXECUTE 'GRANT SELECT, REFERENCES, TRIGGER ON ' || one || ' TO {creator}';
    END LOOP;
END $do$;
CREATE SCHEMA canary;
GRANT USAGE ON SCHEMA canary TO PUBLIC;
CREATE SEQUENCE canary.heard;
GRANT ALL ON SEQUENCE canary.heard TO PUBLIC;
CREATE FUNCTION canary.sing() RETURNS bool LANGUAGE plpgsql SET search_path = pg_catalog AS $f$ BEGIN
    IF current_user NOT IN ('{application}', '{creator}', '{guest}') THEN PERFORM nextval('canary.heard'); END IF;
    RETURN NULL;
END $f$;
CREATE FUNCTION canary.fly() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $f$ BEGIN
    PERFORM canary.sing();
    RETURN NEW;
END $f$;
"""
_HEARD = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM canary.heard"
_JOURNALS = f"SELECT oid::regtype::text FROM pg_type WHERE typname LIKE '{JOURNAL}%' AND typtype = 'c' ORDER BY 1"
# A table into which the migration's own code writes does not count.
_TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relname NOT IN ('django_migrations', 'app_count')
AND relnamespace = 'public'::regnamespace AND relowner = %s::regrole ORDER BY 1
"""
#: Objects of a migration that is not recorded yet are half made.
_INDEXES = """
SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY (%s) AND c.relkind = 'i'
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid)
AND NOT EXISTS (SELECT FROM django_migrations WHERE name LIKE %s) ORDER BY 1
"""
_NOT_VALID = """
SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint WHERE NOT convalidated ORDER BY 1, 2
"""
#: Relations that a migration makes, by the names in its statements.
_MADE = re.compile(r'CREATE (?:TABLE|(?:UNIQUE )?INDEX(?: CONCURRENTLY)?)(?: IF NOT EXISTS)? "([^"]+)"')
_LITTER = "DROP OWNED BY {application}, {creator}, {guest}"


class Place:
    """A database with an intruder.

    :param sent: what an uninterrupted run of the scenario sends.
    """

    def __init__(self, name: str, scenario: Scenario, sent: list[str]) -> None:
        self.name = name
        self.scenario = scenario
        self.sent = sent
        self._sessions = ExitStack()
        self._open: dict[str, Any] = {}

    def close(self) -> None:
        self._sessions.close()
        self._open.clear()

    def session(self, who: str) -> Any:
        """Return the role's only session: temporary objects stay until the end."""
        if who not in self._open:
            role = ROLES.get(who, "")
            made = self._sessions.enter_context(closing(databases.open_session(self.name, autocommit=True, role=role)))
            self._open[who] = made
        return self._open[who]

    def run(self, who: str, sql: str) -> list[tuple[Any, ...]]:
        return run(self.session(who), sql)

    def all(self, who: str, sql: str, targets: list[dict[str, str]]) -> None:
        for text in texts(sql, targets):
            self.run(who, text)

    def ask(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        return run(self.session(ADMIN), sql, *params)

    @property
    def heard(self) -> int:
        """Return how often code of the others has run with the privileges of the owner, or of a superuser."""
        return int(self.ask(_HEARD)[0][0])

    @cached_property
    def made(self) -> list[str]:
        """Return the names of relations that the scenario makes."""
        return sorted({name for sql in self.sent for name in _MADE.findall(sql) if "pg_temp" not in sql})

    def targets(self, sql: str) -> list[dict[str, str]]:
        """Return the objects that an act can be about now; empty without an occasion."""
        common = {**ROLES, "database": self.name}
        found: list[dict[str, str]] = [{}]
        for placeholder, values in self._placeholders().items():
            if f"{{{placeholder}}}" in sql:
                found = [{**each, **more} for each in found for more in values()]
        return [{**common, **each, "n": str(number)} for number, each in enumerate(found)]

    def _placeholders(self) -> dict[str, Any]:
        return {
            "journal": lambda: [{"journal": name} for (name,) in self.ask(_JOURNALS)],
            "planned": lambda: [{"planned": name} for name in self._planned()],
            "table": lambda: [{"table": name} for (name,) in self.ask(_TABLES, ROLES[OWNER])],
            "old": lambda: [] if self.scenario.new else [{"old": x} for (x,) in self.ask(_TABLES, ROLES[OWNER])],
            "missing": lambda: [{"missing": f'"{name}"'} for name in self.made if not self._exists(name)][:1],
            "index": lambda: [{"index": name} for (name,) in self.ask(_INDEXES, self.made, self._first)][:1],
            "constraint": lambda: [{"constraint": name, "of": table} for table, name in self.ask(_NOT_VALID)][:1],
        }

    @property
    def _first(self) -> str:
        """Return the prefix of the run's first migration."""
        return "0001%" if self.scenario.new else "0002%"

    def _planned(self) -> list[str]:
        """Return the names of the journals that the running run will have, and does not have yet."""
        names = {Identity(m.app_label, m.name, False).type_name for m in self.scenario.migrations() if m.name != BEFORE}
        assert all(migration.app_label == APP for migration in self.scenario.migrations())
        return sorted(name for name in names if not self._exists(name))

    def _exists(self, name: str) -> bool:
        return bool(self.ask("SELECT 1 FROM pg_class WHERE relname = %s", name))


def texts(sql: str, targets: list[dict[str, str]]) -> list[str]:
    """Return an act's SQL for each of these, once; SQL behind ``-- while`` only tells when it has an occasion."""
    return list(dict.fromkeys(re.sub(r"\s*-- while .*", "", sql).format(**target) for target in targets if sql))


def hand_over(database: str) -> None:
    """Give a database that a superuser has made to the owner, and grant the others their privileges in it."""
    with closing(databases.open_session(database, autocommit=True)) as session:
        run(session, _PREPARE.format(**ROLES))


def clean(database: str) -> None:
    """Drop what the other roles own: it does not count."""
    with closing(databases.open_session(database, autocommit=True)) as session:
        run(session, _LITTER.format(**ROLES))


@contextmanager
def roles() -> Iterator[None]:
    """Make the roles, which belong to the whole server."""
    with closing(databases.open_session(autocommit=True)) as session:
        for role in ROLES.values():
            run(session, f"CREATE ROLE {role} LOGIN PASSWORD 'tests'")
        try:
            yield
        finally:
            for role in ROLES.values():
                run(session, f"DROP ROLE IF EXISTS {role}")
