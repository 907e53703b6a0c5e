"""A git repository with a Django project in it, whose commits a test makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MANAGE = """\
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
execute_from_command_line(sys.argv)
"""
MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = {initial}
    dependencies = {dependencies}
    operations = [{operation}]
"""
BOOK = """migrations.CreateModel("Book", [("id", models.BigAutoField(primary_key=True))])"""
UNSAFE = """migrations.AddField("Book", "pages", models.IntegerField(default=0))"""
SAFE = """migrations.AddField("Book", "pages", models.IntegerField(null=True))"""
SETTINGS = """\
DATABASES = {{"default": {database!r}}}
INSTALLED_APPS = ["django_zero_downtime_migrations", "shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "tests"
USE_TZ = True
"""
#: A database for commands that do not connect.
NOWHERE = dict.fromkeys(("NAME", "USER", "PASSWORD", "HOST", "PORT"), "nowhere") | {
    "ENGINE": "django_zero_downtime_migrations.backends.postgres",
    "OPTIONS": {},
}


class Repository:
    """A git repository with a project.

    :param folder: the top of the work tree.
    :param project: the Django project's folder in it.
    """

    def __init__(self, folder: Path, project: str = ".") -> None:
        self.folder = folder
        self.project = folder / project

    def with_project(self, database: dict[str, Any] = NOWHERE) -> Repository:
        """Add a Django project.

        :param database: the entry of a connection in DATABASES.
        """
        names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
        self.write("manage.py", MANAGE)
        self.write("site_settings.py", SETTINGS.format(database={name: database[name] for name in names}))
        for name in ("shop/__init__.py", "shop/models.py", "shop/migrations/__init__.py"):
            self.write(name, "")
        self.write("shop/migrations/0001_book.py", MIGRATION.format(initial=True, dependencies=[], operation=BOOK))
        return self

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def add_migration(self, operation: str, folder: str = "shop/migrations") -> None:
        """Write the second migration and stage it."""
        text = MIGRATION.format(initial=False, dependencies=[("shop", "0001_book")], operation=operation)
        self.write(f"{folder}/0002_pages.py", text)
        self.git("add", "--all")

    @property
    def hook(self) -> Path:
        return self.folder / ".git" / "hooks" / "commit-msg"

    def started(self) -> Repository:
        """Make a first commit."""
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=Books")
        return self

    def run(self, *command: str, folder: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run any command, by default in the top folder; its output on both streams is in `stdout`."""
        return subprocess.run(
            command,
            cwd=folder or self.folder,
            env=self.environment() | extra,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def environment(self) -> dict[str, str]:
        """Return our environment without variables of a git that runs the tests, or of its owner's configuration."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON", "DJANGO"))}
        return kept | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Tests",
            "GIT_AUTHOR_EMAIL": "tests@example.com",
            "GIT_COMMITTER_NAME": "Tests",
            "GIT_COMMITTER_EMAIL": "tests@example.com",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """Run a command of git, which has to succeed."""
        done = self.run("git", *arguments, folder=folder)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def commit(self, message: str, *options: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        return self.run("git", "commit", "--quiet", f"--message={message}", *options, folder=folder)

    def manage(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` with these arguments; the package under test is on its path."""
        command = (sys.executable, str(self.project / "manage.py"), *arguments)
        return self.run(*command, folder=folder or self.project, PYTHONPATH=str(ROOT))

    def insert(self, *arguments: str, command: str = "insert_git_hooks", folder: Path | None = None) -> str:
        """Run `insert_git_hooks`, which has to succeed; the hook does not ask a database."""
        done = self.manage(command, *(arguments or ("--", "--without-database")), folder=folder)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def commits(self) -> int:
        return int(self.git("rev-list", "--count", "HEAD"))
