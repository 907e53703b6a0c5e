"""The README is right about the package."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

import django_zero_downtime_migrations
from django_zero_downtime_migrations.errors import Unsafe
from django_zero_downtime_migrations.settings import MigrationSettings
from tests.docs.pages import PAGES, README, ROOT, anchors, blocks, links, rows

PACKAGE = Path(django_zero_downtime_migrations.__file__).parent
UNSAFE = {name: text for name, text in vars(Unsafe).items() if name.isupper()}
NAMES = sorted(name.upper() for name in MigrationSettings._fields)
OURS = "django_zero_downtime_migrations"
#: The names that stay importable.
PUBLIC = [
    f"{OURS}.__version__",
    f"{OURS}.backends.postgres.base.DatabaseWrapper",
    f"{OURS}.backends.postgres.schema.DatabaseSchemaEditorMixin",
    f"{OURS}.backends.postgres.schema.DatabaseSchemaEditor",
    f"{OURS}.backends.postgres.schema.Unsafe",
    f"{OURS}.backends.postgres.schema.UnsafeOperationWarning",
    f"{OURS}.backends.postgres.schema.UnsafeOperationException",
    f"{OURS}.operations.Backfill",
    f"{OURS}.operations.EnsureBackfilled",
    f"{OURS}.operations.SafetyAssured",
]


@pytest.mark.parametrize("name", UNSAFE)
def test_each_refusal_links_to_a_heading_of_the_readme(name: str) -> None:
    anchor = re.search(r"#(\S+)", UNSAFE[name])

    assert anchor and anchor[1] in anchors(README)


@pytest.mark.parametrize("name", UNSAFE)
def test_each_refusal_links_to_an_anchor_that_pypi_keeps(name: str) -> None:
    # PyPI puts "user-content-" before the slug of a heading, and leaves an id of our own as it is.
    anchor = re.search(r"#(\S+)", UNSAFE[name])

    assert anchor and f'<a id="{anchor[1]}"></a>' in README.read_text("utf-8")


def test_the_refusal_in_the_start_is_what_the_package_says() -> None:
    for line in UNSAFE["ADD_COLUMN_NOT_NULL"].splitlines():
        assert line in README.read_text("utf-8")


def test_the_settings_table_has_every_setting() -> None:
    assert sorted(row[0] for row in rows(README, "name")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_without_effect_is_said_to_be_one(name: str) -> None:
    text = " ".join(next(row for row in rows(README, "name") if row[0] == name))
    used = re.compile(rf"\b(short_)?{name.lower()}\b")
    places = [
        file for file in PACKAGE.rglob("*.py") if file.name != "settings.py" and used.search(file.read_text("utf-8"))
    ]

    assert ("not in this version" in text) == (not places)


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_table_has_the_defaults(name: str) -> None:
    (default,) = (row[1] for row in rows(README, "name") if row[0] == name)

    assert default == repr(getattr(MigrationSettings(), name.lower())).replace("''", '""')


def test_the_table_of_statements_has_all_32_kinds() -> None:
    assert [int(row[0]) for row in rows(README, "#")] == list(range(1, 33))
    assert {len(row) for row in rows(README, "#")} == {5}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_can_be_imported(name: str) -> None:
    module, _, attribute = name.rpartition(".")

    assert hasattr(importlib.import_module(module), attribute)


def test_every_module_that_the_readme_names_exists() -> None:
    names = set(re.findall(rf"\b{OURS}\.[a-z_.]*[a-z_]", README.read_text("utf-8")))

    assert names
    assert [name for name in names if importlib.util.find_spec(name) is None] == []


def test_python_in_the_readme_compiles() -> None:
    for block in blocks(README, "python"):
        compile(block.text, f"README.md, {block.section}", "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = (page.parent / path).resolve() if path else page

        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
