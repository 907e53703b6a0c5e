"""A project in a git repository, of which a test writes two releases."""

from __future__ import annotations

import json
import subprocess
import textwrap
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.commands.repository import Repository

OLD = "v1"
MODELS = """\
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=40)
    email = models.EmailField(unique=True)


class Book(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
    title = models.CharField(max_length=40)
    pages = models.IntegerField(null=True)
    tags = models.ManyToManyField("self")
"""
MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "{before}")]
    operations = [
{operations}
    ]
"""


class Release:
    """The project.

    :ivar names: its migrations.
    """

    def __init__(self, folder: Path, database: BaseDatabaseWrapper, models: str = MODELS) -> None:
        self.repository = Repository(folder).with_project(database.settings_dict)
        self.database = database
        self.names: list[str] = []
        (self.repository.project / "shop/migrations/0001_book.py").unlink()
        self.models(models)
        self.repository.started()
        self.made("0001_initial")
        self.tag(OLD)

    def models(self, text: str) -> None:
        self.repository.write("shop/models.py", text)

    def changed(self, old: str, new: str) -> None:
        """Replace a part of the models."""
        path = self.repository.project / "shop" / "models.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def made(self, name: str) -> None:
        """Have Django write the migration of the models."""
        done = self.repository.manage("makemigrations", "shop", "--name", name.partition("_")[2])
        assert done.returncode == 0, done.stdout
        self.names.append(name)

    def written(self, name: str, *operations: str) -> None:
        lines = textwrap.indent(",\n".join(operations) + ",", " " * 8)
        text = MIGRATION.format(before=self.names[-1], operations=lines)
        self.repository.write(f"shop/migrations/{name}.py", text)
        self.names.append(name)

    def tag(self, name: str) -> None:
        self.repository.git("add", "--all")
        assert self.repository.commit(name).returncode == 0
        self.repository.git("tag", name)

    def check(self, *arguments: str, against: str = OLD) -> subprocess.CompletedProcess[str]:
        return self.repository.manage("check_release", "--against", against, *arguments)

    def found(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Return the result, which has to end with this exit status."""
        done = self.check("--format", "json", *arguments)
        assert done.returncode == code, done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def databases(self) -> list[str]:
        """Return the databases that a trial beside this one has left on the server."""
        with self.database.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            begins = f"zero_downtime_release_{cursor.fetchone()[0][:28]}_"
            cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [begins])
            return [name for (name,) in cursor.fetchall()]


def failing(breaks: list[dict[str, Any]]) -> set[tuple[str, str, str | None]]:
    return {(each["model"], each["action"], each["since"]) for each in breaks}
