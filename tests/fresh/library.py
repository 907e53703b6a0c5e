"""A small project with tests: an app with migrations, and `notes`, an app without."""

from __future__ import annotations

import os
import subprocess
import sys

from django.db import migrations, models

from tests.backends.project import APP, ROOT, Site

ID = ("id", models.BigAutoField(primary_key=True))

MODELS = """from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=20)


class Book(models.Model):
    title = models.CharField(max_length=40, unique=True, null=True)
    author = models.ForeignKey(Author, models.CASCADE)
    pages = models.PositiveIntegerField(default=1, db_index=True)
    readers = models.ManyToManyField(Author, related_name="+")
"""

NOTE = """from django.db import models


class Note(models.Model):
    text = models.CharField(max_length=20, db_index=True)
    book = models.ForeignKey("shop.Book", models.CASCADE, null=True, db_constraint=False)
"""

TESTS = """from django.db import IntegrityError, transaction
from django.test import TestCase, TransactionTestCase

from notes.models import Note
from shop.models import Author, Book


class Rows(TestCase):
    def test_rows(self):
        author = Author.objects.create(name="a")
        book = Book.objects.create(title="t", author=author)
        book.readers.add(author)
        Note.objects.create(text="n", book=book)
        self.assertEqual(Book.objects.get(readers=author).pages, 1)

    def test_no_rows_of_the_other_test(self):
        self.assertEqual(Book.objects.count(), 0)


class Protection(TransactionTestCase):
    def test_unique(self):
        author = Author.objects.create(name="a")
        Book.objects.create(title="t", author=author)
        with self.assertRaises(IntegrityError):
            Book.objects.create(title="t", author=author)

    def test_foreign_key(self):
        with self.assertRaises(IntegrityError), transaction.atomic():
            Book.objects.create(title="t", author_id=0)

    def test_check(self):
        with self.assertRaises(IntegrityError):
            Book.objects.create(title="t", author=Author.objects.create(name="a"), pages=-1)


class MoreRows(TestCase):
    def test_rows(self):
        Note.objects.create(text="n")
"""


def write(site: Site) -> None:
    """The migrations come to the models in several steps."""
    site.settings["INSTALLED_APPS"] = [APP, "notes"]
    app, notes = site.folder / APP, site.folder / "notes"
    notes.mkdir()
    (notes / "__init__.py").write_text("")
    (notes / "models.py").write_text(NOTE)
    (app / "models.py").write_text(MODELS)
    (app / "tests.py").write_text(TESTS)
    title = models.CharField(max_length=20, null=True)
    author = models.ForeignKey("shop.author", models.CASCADE)
    site.add(migrations.CreateModel("author", [ID, ("name", models.CharField(max_length=20))]))
    site.add(migrations.CreateModel("book", [ID, ("title", title), ("author", author)]))
    site.add(
        migrations.AlterField("book", "title", models.CharField(max_length=40, null=True, unique=True)),
        migrations.AddField("book", "pages", models.PositiveIntegerField(default=1)),
    )
    site.add(
        migrations.AlterField("book", "pages", models.PositiveIntegerField(default=1, db_index=True)),
        migrations.AddField("book", "readers", models.ManyToManyField("shop.author", related_name="+")),
    )


def pytest(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest in the project's folder; both its streams are in `stdout`."""
    site.manage("check")  # writes the settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    environment |= {"PYTHONPATH": os.pathsep.join((str(site.folder), str(ROOT))), "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-q", "-p", "no:cacheprovider", "--ds=site_settings", f"--rootdir={site.folder}", "shop/tests.py"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        env=environment,
        cwd=site.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
