"""An app whose migrations a test writes, and the command line of a project that has it."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.db import connections, migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter

from .forks import Forked

APP = "shop"
DJANGO = ["-m", "django"]
ROOT = Path(__file__).resolve().parents[2]
#: Seconds. The longest command of a test takes a tenth of it on a busy machine.
STUCK_AFTER = 240


class Shop:
    """Each `migrate` is one migration in one schema editor, as `manage.py migrate` has it.

    No run of `migrate` is under way, so a table counts as new only for the editor that made it: what an earlier call
    made is in use.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.alias = connection.alias
        self.states = [ProjectState()]
        self.migrations: list[migrations.Migration] = []

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """The connection; in another thread, that thread's own connection to the same database."""
        return connections[self.alias]

    def migrate(self, *operations: Operation, atomic: bool = True) -> Any:
        """Apply one migration and return its editor. One that fails leaves the state as it was."""
        migration = self._migration(operations, atomic)
        state = self.states[-1].clone()
        with self.connection.schema_editor(atomic=migration.atomic) as editor:
            state = migration.apply(state, editor)
        self.states.append(state)
        self.migrations.append(migration)
        return editor

    def unapply(self) -> Any:
        """Take the last migration back."""
        migration = self.migrations[-1]
        with self.connection.schema_editor(atomic=migration.atomic) as editor:
            migration.unapply(self.states[-2].clone(), editor)
        del self.states[-1], self.migrations[-1]
        return editor

    def collected(self, *operations: Operation, atomic: bool = True) -> list[str]:
        """Return what the migration would send, from an editor that only collects. Nothing is applied."""
        migration = self._migration(operations, atomic)
        with self.connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
            migration.apply(self.states[-1].clone(), editor, collect_sql=True)
        return list(editor.collected_sql)

    def script(self, *operations: Operation, atomic: bool = True) -> str:
        """Return what `sqlmigrate` prints for the migration, which then counts as applied: the caller runs it."""
        migration = self._migration(operations, atomic)
        state = self.states[-1].clone()
        with self.connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
            state = migration.apply(state, editor, collect_sql=True)
        self.states.append(state)
        self.migrations.append(migration)
        return self._printed(editor, migration)

    def script_back(self) -> str:
        """Return what `sqlmigrate --backwards` prints for the last migration, which then counts as taken back."""
        migration = self.migrations.pop()
        with self.connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
            migration.unapply(self.states[-2].clone(), editor, collect_sql=True)
        del self.states[-1]
        return self._printed(editor, migration)

    def _printed(self, editor: Any, migration: migrations.Migration) -> str:
        lines = list(editor.collected_sql)
        if migration.atomic and self.connection.features.can_rollback_ddl:
            lines = ["BEGIN;", *lines, "COMMIT;"]
        return "\n".join(lines)

    def _migration(self, operations: tuple[Operation, ...], atomic: bool) -> migrations.Migration:
        # Two databases of one test share what they are given, and an operation keeps the models that it has seen.
        body = {"operations": copy.deepcopy(list(operations)), "atomic": atomic}
        name = f"{len(self.migrations) + 1:04}"
        migration: migrations.Migration = type("Migration", (migrations.Migration,), body)(name, APP)
        return migration

    def model(self, name: str) -> Any:
        return self.states[-1].apps.get_model(APP, name)

    def run(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return list(cursor.fetchall()) if cursor.description else []


class Site:
    """A project in a folder, whose `manage.py` runs in a process of its own with Python's own warning filters."""

    def __init__(self, folder: Path, connection: BaseDatabaseWrapper) -> None:
        self.folder = folder
        #: What Python runs; the arguments of a command follow.
        self.program = DJANGO
        names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
        self.database = {name: copy.deepcopy(connection.settings_dict[name]) for name in names}
        self.settings: dict[str, Any] = {
            "DATABASES": {"default": self.database},
            "INSTALLED_APPS": [APP],
            "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
            "SECRET_KEY": "tests",
            "USE_TZ": True,
            # The tests' tables stand for large ones.
            "ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE": 0,
        }
        self.names: list[str] = []
        (folder / APP / "migrations").mkdir(parents=True)
        for module in (f"{APP}/__init__.py", f"{APP}/models.py", f"{APP}/migrations/__init__.py"):
            (folder / module).write_text("")

    def add(self, *operations: Operation, atomic: bool = True) -> str:
        """Write a migration and return its name."""
        name = f"{len(self.names) + 1:04}_step"
        body = {
            "operations": list(operations),
            "atomic": atomic,
            "initial": not self.names,
            "dependencies": [(APP, self.names[-1])] if self.names else [],
        }
        writer = MigrationWriter(type("Migration", (migrations.Migration,), body)(name, APP))
        # Django's writer leaves `atomic` out.
        text = writer.as_string().replace("    operations = [", f"    atomic = {atomic}\n\n    operations = [", 1)
        return self.add_text(name, text)

    def add_text(self, name: str, text: str) -> str:
        (self.folder / APP / "migrations" / f"{name}.py").write_text(text)
        self.names.append(name)
        return name

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command; what it says, on both streams, is in `stdout`."""
        process = self.start(*arguments)
        try:
            said, _ = process.communicate(timeout=STUCK_AFTER)
        except subprocess.TimeoutExpired:
            # It says where it stands, in a traceback of each of its threads.
            process.send_signal(signal.SIGABRT)
            raise AssertionError(f"{arguments} stood still:\n{process.communicate()[0]}") from None
        return subprocess.CompletedProcess(process.args, process.returncode, said)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Begin a command; what it says, on both streams, comes from `stdout` unless the options say otherwise."""
        lines = (f"{name} = {value!r}\n" for name, value in self.settings.items())
        (self.folder / "site_settings.py").write_text("import datetime\n" + "".join(lines))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= {
            "DJANGO_SETTINGS_MODULE": "site_settings",
            "PYTHONPATH": os.pathsep.join((str(self.folder), str(ROOT))),
            # A module that was written a moment ago may have the modification time of the one before.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options
        if self.program == DJANGO:
            return Forked(arguments, env=environment, cwd=self.folder, text=True, **streams)
        command = [sys.executable, "-X", "faulthandler", *self.program, *arguments]
        return subprocess.Popen(command, env=environment, cwd=self.folder, text=True, **streams)

    def migrate(self, *arguments: str) -> str:
        """`manage.py migrate`, which has to succeed."""
        done = self.manage("migrate", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """Return the error of a command that has to fail."""
        done = self.manage(*(arguments or ("migrate",)))
        assert done.returncode != 0, done.stdout
        return done.stdout
