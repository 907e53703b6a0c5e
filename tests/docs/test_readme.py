"""The README and the docs are right about the package."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

from django_zero_downtime_migrations.errors import Unsafe
from tests.docs.pages import FIVE_MINUTES, GUIDE, PAGES, README, ROOT, SITE, STATEMENTS, anchors, blocks, links, rows

UNSAFE = {name: text for name, text in vars(Unsafe).items() if name.isupper()}
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


def text_of(pages: list[Path]) -> str:
    return "\n".join(page.read_text("utf-8") for page in pages)


@pytest.mark.parametrize("name", UNSAFE)
def test_each_refusal_has_a_section_in_the_reference_to_which_its_page_leads(name: str) -> None:
    slug = name.lower().replace("_", "-")
    places = [page for page in sorted((SITE / "reference").glob("*.md")) if slug in anchors(page)]

    assert len(places) == 1
    assert f"../reference/{places[0].name}#{slug}" in links(SITE / "rules" / f"{slug}.md")


def test_the_refusal_in_the_start_is_what_the_package_says() -> None:
    for line in UNSAFE["ADD_COLUMN_NOT_NULL"].splitlines():
        assert line in FIVE_MINUTES.read_text("utf-8")


def test_the_table_of_statements_has_all_32_kinds() -> None:
    assert [int(row[0]) for row in rows(STATEMENTS, "#")] == list(range(1, 33))
    assert {len(row) for row in rows(STATEMENTS, "#")} == {5}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_can_be_imported(name: str) -> None:
    module, _, attribute = name.rpartition(".")

    assert hasattr(importlib.import_module(module), attribute)
    assert attribute in text_of([SITE / "reference" / "api.md", SITE / "reference" / "exceptions.md"])


def test_every_module_that_the_docs_name_exists() -> None:
    names = set(re.findall(rf"\b{OURS}\.[a-z_.]*[a-z_]", text_of(GUIDE)))

    assert names
    assert [name for name in names if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_compiles(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block.text, block.place, "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = (page.parent / path).resolve() if path else page

        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_is_read_at_once() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 250
