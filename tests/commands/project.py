"""A project with one app in a folder, whose command runs in this process."""

from __future__ import annotations

import importlib
import itertools
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from django.core.management import CommandError, call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from django_zero_downtime_migrations.errors import UnsafeOperationWarning
from django_zero_downtime_migrations.management.commands.check_migrations import Command

numbers = itertools.count(1)
HEAD = """
from django.db import migrations, models
from django_zero_downtime_migrations.operations import SafetyAssured


class Migration(migrations.Migration):
    dependencies = {dependencies!r}
    operations = {operations}
"""
BOOK = """[
    migrations.CreateModel(
        "Book", [("id", models.BigAutoField(primary_key=True)), ("pages", models.IntegerField(null=True))]
    ),
]"""
SAFE = '[migrations.AddField("Book", "note", models.CharField(max_length=20, null=True))]'
UNSAFE = '[migrations.RenameField("Book", "pages", "sheets")]'


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def heads(self) -> list[str]:
        """Return severity and code of each finding in the text."""
        heads = [line.split(": ", 1)[-1].split(" (")[0] for line in self.out.splitlines() if line[:1].strip()]
        return [head for head in heads if head.split()[-1].isupper()]


class Project:
    """A project.

    :ivar app: its label, which no other test has.
    """

    def __init__(self, folder: Path, connection: BaseDatabaseWrapper, below: str = "") -> None:
        self.folder = folder
        self.connection = connection
        self.app = f"shop{next(numbers)}"
        self.home = folder / below
        self.names: list[str] = []
        (self.home / self.app / "migrations").mkdir(parents=True)
        for module in ("__init__.py", "models.py", "migrations/__init__.py"):
            (self.home / self.app / module).write_text("")

    def file(self, name: str) -> Path:
        return self.home / self.app / "migrations" / f"{name}.py"

    def add(self, operations: str, name: str = "", after: str | None = None) -> str:
        """Write a migration after the last one, or after another one.

        :returns: its name.
        """
        name = name or f"{len(self.names) + 1:04}_step"
        before = after or (self.names[-1] if self.names else None)
        text = HEAD.format(dependencies=[(self.app, before)] if before else [], operations=operations)
        return self.add_text(name, text)

    def add_text(self, name: str, text: str) -> str:
        self.file(name).write_text(textwrap.dedent(text).lstrip("\n"))
        self.names.append(name)
        # A module that is rewritten under its old name has to be imported again.
        sys.modules.pop(f"{self.app}.migrations.{name}", None)
        importlib.invalidate_caches()
        return name

    @contextmanager
    def installed(self) -> Iterator[None]:
        with override_settings(INSTALLED_APPS=[self.app]):
            yield

    def migrate(self, name: str = "") -> None:
        with self.installed(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UnsafeOperationWarning)
            call_command("migrate", self.app, *([name] if name else []), database=self.connection.alias, verbosity=0)

    def check(self, *arguments: str, database: str | None = None) -> Result:
        """Run the command on the database of the test, or of another alias."""
        out, err, code = StringIO(), StringIO(), 0
        command = Command(stdout=out, stderr=err, no_color=True)
        try:
            with self.installed():
                call_command(command, *arguments, "--database", database or self.connection.alias)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
        except SystemExit as error:
            assert isinstance(error.code, int)
            code = error.code
        return Result(code, out.getvalue(), err.getvalue())

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com")
        done = subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self, message: str = "step") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
