"""The server's record of each DDL command: its locks, what it scanned, rewrote and built.

Event triggers send it as notices: they write nothing, which DROP INDEX CONCURRENTLY would refuse, and it arrives also
when the transaction is rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django_zero_downtime_migrations.ddl.values import with_values
from django_zero_downtime_migrations.execution.attempt import Attempt
from django_zero_downtime_migrations.findings import Finding
from django_zero_downtime_migrations.locks import LockMode
from django_zero_downtime_migrations.planning.kinds import Step

INSTALL = """
CREATE SCHEMA observer;
CREATE FUNCTION observer.tables() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_object_agg(c.oid, jsonb_build_object(
        'sequence', c.relkind = 'S',
        'name', CASE n.nspname WHEN 'public' THEN '' ELSE format('"%s".', n.nspname) END || format('"%s"', c.relname),
        'file', pg_relation_filenode(c.oid),
        'scans', pg_stat_get_xact_numscans(c.oid) + coalesce(
            (SELECT sum(pg_stat_get_xact_numscans(i.indexrelid)) FROM pg_index i WHERE i.indrelid = c.oid), 0),
        'indexes', coalesce(
            (SELECT jsonb_object_agg(i.indexrelid, pg_relation_filenode(i.indexrelid))
             FROM pg_index i WHERE i.indrelid = c.oid),
            '{}')))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'S') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
$$;
CREATE FUNCTION observer.locks() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_array(l.relation, l.mode)) FROM pg_locks l
    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.database <> 0
$$;
CREATE FUNCTION observer.say() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE 'observed %', jsonb_build_object(
        'event', tg_event, 'tag', tg_tag, 'tables', observer.tables(), 'locks', observer.locks());
END $$;
CREATE EVENT TRIGGER observer_start ON ddl_command_start EXECUTE FUNCTION observer.say();
CREATE EVENT TRIGGER observer_end ON ddl_command_end EXECUTE FUNCTION observer.say();
"""
REMOVE = "DROP EVENT TRIGGER observer_start; DROP EVENT TRIGGER observer_end; DROP SCHEMA observer CASCADE"


@dataclass(frozen=True)
class Command:
    """One DDL command, between its start and its end. Tables are keyed by oid: a command may rename them."""

    tag: str
    before: dict[str, Any]
    after: dict[str, Any]
    locks: dict[str, LockMode]
    messages: list[str]

    def work(self, oid: str) -> list[str]:
        """Return what it did to a table beyond the catalogue."""
        before, after = self.before[oid], self.after.get(oid)
        if after is None:
            return []
        done = []
        if after["scans"] > before["scans"]:
            done.append("scan")
        table = before["name"].rpartition(".")[2]
        done += [
            text for text in self.messages if f"verifying table {table}" in text or f"rewriting table {table}" in text
        ]
        if after["file"] != before["file"]:
            done.append("rewrite")
        # A type change may give an index another oid and leave it its file.
        if set(after["indexes"].values()) - set(before["indexes"].values()):
            done.append("index build")
        return done


@dataclass
class Seen:
    """A step that was sent, and the commands that the server saw of it.

    :param text: its statement's, with the parameters in it.
    """

    step: Step
    text: str = ""
    commands: list[Command] = field(default_factory=list)

    def _names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for command in self.commands:
            for tables in (command.before, command.after):
                names |= {table["name"]: oid for oid, table in tables.items()}
        return names

    def held(self) -> dict[str, LockMode]:
        """The strongest mode on each table that was there before the step; by the table's name then.

        A sequence counts where it is declared: most commands lock those of their columns beside the table.
        """
        there = self.commands[0].before if self.commands else {}
        declared = self.declared()
        held = {oid: mode for oid, mode in self.commands[-1].locks.items() if oid in there} if there else {}
        names = {there[oid]["name"]: (mode, there[oid]["sequence"]) for oid, mode in held.items()}
        return {name: mode for name, (mode, sequence) in names.items() if name in declared or not sequence}

    def declared(self) -> dict[str, LockMode]:
        there, names = self.commands[0].before if self.commands else {}, self._names()
        strongest: dict[str, LockMode] = {}
        for lock in self.step.locks:
            oid = names.get(plain(lock.table), "")
            name = there[oid]["name"] if oid in there else lock.table
            if name not in strongest or lock.mode.strength > strongest[name].strength:
                strongest[name] = lock.mode
        return strongest

    def work(self, tables: set[str]) -> list[str]:
        """Return what was done to these tables (oids), beyond the catalogue."""
        return [
            f"{what} of {command.before[oid]['name']} by {command.tag}"
            for command in self.commands
            for oid in command.before.keys() & tables
            for what in command.work(oid)
        ]

    def blocks(self, tables: set[str]) -> set[str]:
        """Return which of the tables (oids) have their traffic blocked."""
        return {
            oid
            for command in self.commands
            for oid, mode in command.locks.items()
            if oid in tables and mode.blocks_traffic
        }

    @property
    def concurrently(self) -> bool:
        return " CONCURRENTLY " in self.step.sql


def plain(table: str) -> str:
    """A table's name as the observer writes it."""
    return table.removeprefix('"public".')


@dataclass
class Observation:
    steps: list[Seen] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    #: Oids of the tables that were there before the migration.
    in_use: set[str] = field(default_factory=set)


class Observer:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.notices: list[str] = []

    @contextmanager
    def installed(self) -> Iterator[Observation]:
        """Observe the editors that the connection makes meanwhile."""
        observation = Observation()
        connection = self.connection
        with connection.cursor() as cursor:
            cursor.execute(INSTALL)
            cursor.execute("SELECT key FROM jsonb_each(observer.tables()) WHERE NOT (value->'sequence')::bool")
            observation.in_use = {row[0] for row in cursor.fetchall()}
            cursor.execute("SET client_min_messages = debug1")
        self._listen()
        make = connection.schema_editor

        def schema_editor(*args: Any, **kwargs: Any) -> Any:
            editor = make(*args, **kwargs)
            editor.findings = observation.findings
            self._watch(editor, observation)
            return editor

        connection.schema_editor = schema_editor
        try:
            yield observation
        finally:
            del connection.schema_editor
            with connection.cursor() as cursor:
                cursor.execute("RESET client_min_messages")
                cursor.execute(REMOVE)

    def _listen(self) -> None:
        driver_connection = self.connection.connection
        if hasattr(driver_connection, "add_notice_handler"):
            driver_connection.add_notice_handler(lambda notice: self.notices.append(notice.message_primary))
        else:
            driver_connection.notices = self.notices

    def _watch(self, editor: Any, observation: Observation) -> None:
        runner = editor._reader
        run = runner.send

        def observed(attempt: Attempt) -> None:
            self.notices.clear()
            step, statement = attempt.step, attempt.step.statement
            sql = str(statement.sql)
            seen = Seen(step, with_values(sql, statement.params, editor.quote_value) if statement.params else sql)
            observation.steps.append(seen)
            try:
                run(attempt)
            finally:
                seen.commands += self._commands()

        runner.send = observed

    def _commands(self) -> list[Command]:
        commands: list[Command] = []
        start: dict[str, Any] | None = None
        messages: list[str] = []
        for notice in self.notices:
            text = notice.partition("observed ")[2]
            if not text:
                messages.append(notice)
                continue
            said = json.loads(text.splitlines()[0])
            if said["event"] == "ddl_command_start":
                start, messages = said, []
            elif start is not None:
                locks = _strongest(said["locks"] or [])
                commands.append(Command(said["tag"], start["tables"] or {}, said["tables"] or {}, locks, messages))
                start = None
        return commands


def _strongest(locks: list[tuple[int, str]]) -> dict[str, LockMode]:
    strongest: dict[str, LockMode] = {}
    for oid, name in locks:
        mode = LockMode(name)
        if str(oid) not in strongest or mode.strength > strongest[str(oid)].strength:
            strongest[str(oid)] = mode
    return strongest
