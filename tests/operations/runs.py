"""A case on a server: its tables are made once, and each run has a copy of that database."""

from __future__ import annotations

import copy
import itertools
import re
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from django_zero_downtime_migrations.errors import UnsafeOperationWarning
from servers import launch
from servers.binaries import pg_dump_binary
from tests import databases

from .case import APP, Case, fill
from .observer import Observation, Observer

numbers = itertools.count(1)
DESCRIPTION = Path(__file__).with_name("description.sql").read_text(encoding="utf-8")
#: The lines between the parentheses of a CREATE TABLE of pg_dump's.
TABLE_IN_DUMP = re.compile(r"(?<=\(\n)(?:    .*\n)+(?=\);)")
SERVER_URL = settings.DATABASE_URL.rsplit("/", 1)[0]


@dataclass(frozen=True)
class Outcome:
    """The end state of a database.

    :param dump: ``pg_dump --schema-only``, if it is wanted.
    :param description: the same from the catalogue.
    :param rows: the rows of each table, without random columns.
    """

    dump: str
    description: list[str]
    rows: list[str]


@contextmanager
def connected(engine: str, name: str, **zero_downtime: Any) -> Iterator[BaseDatabaseWrapper]:
    alias = f"case{next(numbers)}"
    parameters = copy.deepcopy(connections.settings["default"])
    parameters |= {"ENGINE": engine, "NAME": name, "ZERO_DOWNTIME_MIGRATIONS": zero_downtime}
    with databases.registered(alias, parameters) as connection:
        yield connection


class Runs:
    """The runs of one case. Each begins with the same tables and rows, made by stock Django."""

    def __init__(self, case: Case, template: str) -> None:
        self.case = case
        self.template = template
        self.migration = migration("0002_change", case.operations, case.atomic)
        self._kept: dict[str, Any] = {}

    @contextmanager
    def copy(self, engine: str = settings.ENGINE, **zero_downtime: Any) -> Iterator[BaseDatabaseWrapper]:
        stated = zero_downtime if engine == settings.STOCK_ENGINE else {**self.case.settings, **zero_downtime}
        with databases.fresh_database(self.template) as name, connected(engine, name, **stated) as connection:
            yield connection

    def forwards(self, connection: BaseDatabaseWrapper) -> None:
        state = self.case.state()
        state.apps  # noqa: B018  (rendered, as the executor has it)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnsafeOperationWarning)
            with connection.schema_editor(atomic=self.migration.atomic) as editor:
                self.migration.apply(state, editor)

    def backwards(self, connection: BaseDatabaseWrapper) -> None:
        state = self.case.state()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnsafeOperationWarning)
            with connection.schema_editor(atomic=self.migration.atomic) as editor:
                self.migration.unapply(state, editor)

    def stock(self) -> tuple[Outcome, Outcome | None]:
        """Return what stock Django makes of it, and of taking it back."""
        if "stock" not in self._kept:
            with self.copy(settings.STOCK_ENGINE) as connection:
                self.forwards(connection)
                there = self.outcome(connection, dump=True)
                if self.case.reversible:
                    self.backwards(connection)
                self._kept["stock"] = there, self.outcome(connection) if self.case.reversible else None
        stock: tuple[Outcome, Outcome | None] = self._kept["stock"]
        return stock

    def ours(self, **zero_downtime: Any) -> tuple[tuple[Outcome, Observation], tuple[Outcome, Observation] | None]:
        """Return the same for our engine with these settings, and what was seen meanwhile."""
        key = f"ours {zero_downtime}"
        if key not in self._kept:
            with self.copy(**zero_downtime) as connection:
                observer = Observer(connection)
                with observer.installed() as there:
                    self.forwards(connection)
                forwards = self.outcome(connection, dump=not zero_downtime), there
                backwards = None
                if self.case.reversible:
                    with observer.installed() as back:
                        self.backwards(connection)
                    backwards = self.outcome(connection), back
                self._kept[key] = forwards, backwards
        ours: tuple[tuple[Outcome, Observation], tuple[Outcome, Observation] | None] = self._kept[key]
        return ours

    def with_all_off(self) -> tuple[tuple[Outcome, Observation], tuple[Outcome, Observation] | None]:
        """Return the end state of our engine with all defaults turned off."""
        return self.ours(DEFERRED_SQL=self.case.renames_deferred, EXPLICIT_CONSTRAINTS_DROP=False)

    def inside_a_transaction(self) -> tuple[Outcome, Outcome | None]:
        with self.copy() as connection:
            with transaction.atomic(connection.alias):
                self.forwards(connection)
            there = self.outcome(connection)
            if not self.case.reversible:
                return there, None
            with transaction.atomic(connection.alias):
                self.backwards(connection)
            return there, self.outcome(connection)

    def script(self) -> tuple[Outcome, Outcome | None]:
        """Return what psql makes of the output of sqlmigrate."""
        with self.copy() as connection:
            self._run_script(connection, self.migration.apply)
            there = self.outcome(connection)
            if not self.case.reversible:
                return there, None
            self._run_script(connection, self.migration.unapply)
            return there, self.outcome(connection)

    def _run_script(self, connection: BaseDatabaseWrapper, run: Any) -> None:
        with connection.schema_editor(collect_sql=True, atomic=self.migration.atomic) as editor:
            run(self.case.state(), editor, collect_sql=True)
        psql(connection.settings_dict["NAME"], "\n".join(editor.collected_sql))

    def outcome(self, connection: BaseDatabaseWrapper, *, dump: bool = False) -> Outcome:
        name = connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            cursor.execute(DESCRIPTION, None)
            description = list(cursor.fetchone()[0])
            rows = [line for table in self._tables(cursor) for line in self._rows(table, cursor)]
            if self.case.moves_column:
                cursor.execute("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1", None)
                rows += [f"sequence {name}: {value}" for name, value in cursor.fetchall()]
        dumped = launch.pg_dump(f"{SERVER_URL}/{name}", "--schema-only") if dump else ""
        if self.case.moves_column:
            description = sorted(re.sub(r"^(column \| [^|]+\|) \d+ \|", r"\1", line) for line in description)
            dumped = TABLE_IN_DUMP.sub(_sorted_columns, dumped)
        return Outcome(dumped, description, rows)

    def _tables(self, cursor: Any) -> list[str]:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
            None,
        )
        return [row[0] for row in cursor.fetchall()]

    def _rows(self, table: str, cursor: Any) -> list[str]:
        # The keys of a jsonb have an order of their own: the columns of a table are listed as they were added.
        named = table.replace("%", "%%")
        cursor.execute(f"SELECT (to_jsonb(t) - %s::text[])::text FROM {named} t", [list(self.case.random)])
        return sorted(f"{table}: {row}" for (row,) in cursor.fetchall())


def _sorted_columns(table: re.Match[str]) -> str:
    return "".join(sorted(line.rstrip(",\n") + "\n" for line in table[0].splitlines(keepends=True)))


@contextmanager
def runs_of(case: Case) -> Iterator[Runs]:
    with ExitStack() as cleanup:
        template = cleanup.enter_context(databases.fresh_database())
        with connected(settings.STOCK_ENGINE, template) as connection:
            make(case, connection)
        yield Runs(case, template)


def migration(name: str, operations: Sequence[Operation], atomic: bool = True, app: str = APP) -> Migration:
    """Make a migration with copies of the operations, which other migrations do not change."""
    body = {"operations": copy.deepcopy(list(operations)), "atomic": atomic}
    made: Migration = type("Migration", (Migration,), body)(name, app)
    return made


def make(case: Case, connection: BaseDatabaseWrapper) -> None:
    with connection.schema_editor() as editor:
        state = migration("0001_initial", case.before).apply(ProjectState(), editor)
    fill(state, connection.alias)
    with connection.cursor() as cursor:
        for statement in case.data:
            cursor.execute(statement, None)


def psql(database: str, script: str) -> None:
    command = [str(pg_dump_binary().with_name("psql")), "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", "-"]
    done = subprocess.run(
        [*command, f"{SERVER_URL}/{database}"], input=script, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stderr}\n{script}"
