"""check_release: what the code of an earlier release still can do on the schema of this one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.releases.comparison import made_database
from tests.backends.sessions import wait_until
from tests.commands.repository import ROOT

from .project import OLD, Release, failing

pytestmark = pytest.mark.slow


def test_release_that_changes_nothing(release: Release) -> None:
    found = release.found()

    assert (found["pending"], found["old_code"], found["new_code"], found["not_judged"]) == ([], [], [], [])
    assert f"This release has no migration that {OLD} does not have." in release.check().stdout


def test_column_that_old_code_need_not_know(release: Release) -> None:
    release.changed("pages = ", "note = models.TextField(null=True)\n    pages = ")
    release.made("0002_note")
    found = release.found()

    assert (found["old_code"], found["taken_back"], found["stays"]) == ([], [], None)
    assert found["last_safe"] == "shop.0002_note"
    assert failing(found["new_code"]) >= {("shop.Book", "SELECT", None), ("shop.Book", "INSERT", None)}


def test_column_that_goes(release: Release) -> None:
    release.changed("    pages = models.IntegerField(null=True)\n", "")
    release.made("0002_pages")
    found = release.found(code=1)

    assert ("shop.Book", "SELECT", "shop.0002_pages") in failing(found["old_code"])
    assert ("shop.Book", "INSERT", "shop.0002_pages") in failing(found["old_code"])
    assert found["last_safe"] is None
    assert (found["new_code"], found["taken_back"]) == ([], [])
    (first, *_) = found["old_code"]
    assert "column shop_book.pages does not exist" in first["error"]
    assert first["sql"].startswith("SELECT ")


def test_the_migration_that_breaks_is_found_among_others(release: Release) -> None:
    release.written("0002_one", 'migrations.AddField("book", "one", models.IntegerField(null=True))')
    release.written("0003_name", 'migrations.RenameField("author", "name", "full_name")')
    release.written("0004_two", 'migrations.AddField("book", "two", models.IntegerField(null=True))')
    release.changed("    name = ", "    full_name = ")
    release.changed(
        "    pages = ",
        "    one = models.IntegerField(null=True)\n    two = models.IntegerField(null=True)\n    pages = ",
    )
    found = release.found(code=1)

    assert {since for _, _, since in failing(found["old_code"])} == {"shop.0003_name"}
    assert {model for model, _, _ in failing(found["old_code"])} == {"shop.Author"}
    assert found["last_safe"] == "shop.0002_one"
    text = release.check().stdout
    assert "v1 can be deployed again until shop.0002_one, and not after that migration." in text


def test_not_null_that_old_code_does_not_give(release: Release) -> None:
    release.written("0002_note", 'migrations.AddField("book", "note", models.IntegerField(default=0))')
    release.changed("    pages = ", "    note = models.IntegerField(default=0)\n    pages = ")
    found = release.found(code=1)

    assert failing(found["old_code"]) == {("shop.Book", "INSERT", "shop.0002_note")}


def test_constraint_that_old_code_violates(release: Release) -> None:
    check = "ALTER TABLE shop_book ADD CONSTRAINT has_pages CHECK (pages IS NOT NULL)"
    release.written("0002_pages", f'migrations.RunSQL("{check}", migrations.RunSQL.noop)')
    found = release.found(code=1)

    assert failing(found["old_code"]) == {("shop.Book", "INSERT", "shop.0002_pages")}
    # The new code does so as well.
    assert failing(found["taken_back"]) == {("shop.Book", "INSERT", None)}


def test_table_between_two_models_that_goes(release: Release) -> None:
    release.changed('    tags = models.ManyToManyField("self")\n', "")
    release.made("0002_tags")
    found = release.found(code=1)

    # Old code deletes a book's tags with it.
    assert failing(found["old_code"]) >= {
        ("shop.Book", "DELETE", "shop.0002_tags"),
        ("shop.Book_tags", "SELECT", "shop.0002_tags"),
    }


def test_model_that_only_this_release_has(release: Release) -> None:
    release.changed("class Book", "class Shelf(models.Model):\n    row = models.IntegerField()\n\n\nclass Book")
    release.made("0002_shelf")
    found = release.found()

    assert failing(found["new_code"]) >= {("shop.Shelf", "SELECT", None)}


def test_migration_that_cannot_be_taken_back(release: Release) -> None:
    release.written("0002_fill", "migrations.RunPython(lambda apps, editor: None)")
    found = release.found()

    assert found["stays"].startswith("shop.0002_fill: IrreversibleError")
    assert "The migrations cannot be taken back: shop.0002_fill" in release.check().stdout


def test_with_expand_contract_old_code_works(release: Release) -> None:
    settings = release.repository.project / "site_settings.py"
    settings.write_text(settings.read_text() + "\nZERO_DOWNTIME_MIGRATIONS_EXPAND_CONTRACT = True\n")
    release.tag("v1.1")
    release.changed("    pages = models.IntegerField(null=True)\n", "")
    release.made("0002_pages")
    done = release.check(against="v1.1")

    assert done.returncode == 0, done.stdout
    assert "v1.1 can be deployed beside and after this release" in done.stdout


def test_models_that_are_hard_to_fill(release: Release) -> None:
    release.models(HARD)
    release.made("0002_hard")
    release.tag("v2")
    done = release.check("--format", "json", against="v2")

    assert done.returncode == 0
    assert '"not_judged": []' in done.stdout


HARD = """\
import uuid

from django.db import models


class Place(models.Model):
    code = models.CharField(max_length=2, primary_key=True)
    kind = models.CharField(max_length=9, choices=[("city", "City"), ("town", "Town")])


class Hotel(Place):
    stars = models.PositiveSmallIntegerField(unique=True)
    opened = models.DateField()
    price = models.DecimalField(max_digits=6, decimal_places=2)
    at = models.DateTimeField()
    key = models.UUIDField(default=uuid.uuid4, unique=True)
    data = models.JSONField()
    names = models.TextField()
    lasts = models.DurationField()
    open_from = models.TimeField()
    raw = models.BinaryField()
    ip = models.GenericIPAddressField()
    good = models.BooleanField()
    rate = models.FloatField()
    slug = models.SlugField(unique=True)
    plan = models.FileField()
    next = models.OneToOneField("self", models.PROTECT, null=True)


class Room(models.Model):
    hotel = models.ForeignKey(Hotel, models.PROTECT, to_field="stars", related_name="+")
    place = models.OneToOneField(Place, models.CASCADE, primary_key=True)


class OnlyKey(models.Model):
    pass
"""


def test_signals_of_the_project_are_not_sent(release: Release) -> None:
    release.changed(
        "class Author",
        "def told(**given):\n    raise ValueError('sent')\n\n\nmodels.signals.pre_save.connect(told)\n\n\nclass Author",
    )
    release.tag("v2")
    assert release.check(against="v2").returncode == 0


def test_nothing_is_left(release: Release) -> None:
    release.changed("    pages = models.IntegerField(null=True)\n", "")
    release.made("0002_pages")
    release.found(code=1)

    assert release.databases() == []
    assert release.repository.git("worktree", "list").count("\n") == 1
    with release.database.cursor() as cursor:
        cursor.execute("SELECT to_regclass('shop_book')")
        assert cursor.fetchone() == (None,)


def test_nothing_is_left_when_it_is_terminated(release: Release) -> None:
    repository = release.repository
    command = (sys.executable, str(repository.project / "manage.py"), "check_release", "--against", OLD)
    with subprocess.Popen(
        command,
        cwd=repository.project,
        env=repository.environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as running:
        wait_until(release.databases, "the trial has its database")
        running.terminate()
        running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM
    assert release.databases() == []
    assert repository.git("worktree", "list").count("\n") == 1


def test_other_roles_are_not_let_in(database: BaseDatabaseWrapper) -> None:
    with made_database(database) as name, database.cursor() as cursor:
        asked = "SELECT has_database_privilege('public', %s, privilege) FROM unnest(%s::text[]) privilege"
        cursor.execute(asked, [name, ["CONNECT", "TEMPORARY", "CREATE"]])
        assert cursor.fetchall() == [(False,)] * 3


def test_project_in_a_folder_of_the_repository(tmp_path: Path, release: Release) -> None:
    below = tmp_path / "other"
    release.repository.git("clone", "--quiet", str(release.repository.folder), str(below / "clone"))
    folder = below / "clone" / "backend"
    folder.mkdir()
    release.repository.git("mv", "manage.py", "site_settings.py", "shop", "backend/", folder=below / "clone")
    release.repository.git("commit", "--quiet", "--message=Moved", folder=below / "clone")
    (folder / "shop" / "models.py").write_text("from django.db import models\n")
    done = release.repository.run(
        sys.executable, "manage.py", "check_release", "--against", "HEAD", folder=folder, PYTHONPATH=str(ROOT)
    )
    assert done.returncode == 0, done.stdout
    assert "This release has no migration that HEAD does not have" in done.stdout


# What cannot be judged


def test_commit_that_does_not_exist(release: Release) -> None:
    done = release.check(against="v9")

    assert (done.returncode, "git knows no commit 'v9'" in done.stdout) == (2, True)


def test_settings_that_need_a_file_which_git_does_not_have(release: Release) -> None:
    settings = release.repository.project / "site_settings.py"
    settings.write_text(settings.read_text() + "\nfrom secret import KEY  # noqa\n")
    (release.repository.folder / ".gitignore").write_text("secret.py\n")
    release.tag("v2")
    (release.repository.project / "secret.py").write_text("KEY = 1\n")
    done = release.check(against="v2")

    assert done.returncode == 2
    assert "No module named 'secret'" in done.stdout and "--copy FILE" in done.stdout
    assert release.check("--copy", "secret.py", against="v2").returncode == 0
    assert "'nothing.py', which is not a file" in release.check("--copy", "nothing.py", against="v2").stdout.replace(
        str(release.repository.folder) + "/", ""
    )


def test_migration_that_fails(release: Release) -> None:
    release.written("0002_fails", 'migrations.RunSQL("SELECT 1/0")')
    done = release.check()

    assert done.returncode == 2
    assert "migrate with the code of this release: " in done.stdout and "division by zero" in done.stdout
    assert release.databases() == []
