"""The site is whole: a way leads to each page, pages are short, and what can be typed can be typed."""

from __future__ import annotations

import re
import shlex
import statistics
from pathlib import Path

import pytest
from django.core.management import BaseCommand, CommandError, get_commands, load_command_class

import django_zero_downtime_migrations
from tests.docs.pages import GUIDE, ROOT, SITE, blocks, everywhere, without_blocks

#: Those of directives of the site; what they make is generated, or another file's.
GENERATED = {"{toctree}", "{include}", "{eval-rst}", "{literalinclude}"}
#: Where a test compares them or sends them.
WITH_SQL = {SITE / "start" / "five-minutes.md", *(SITE / "runbook").glob("*.md")}
#: What a comment or a path of another machine says about a command.
VARIABLE = re.compile(r"[A-Z_]+=.*")


def tree(page: Path) -> set[Path]:
    """The pages to which the navigation leads from a page."""
    found: set[Path] = set()
    for block in blocks(page, "{toctree}"):
        for line in block.text.splitlines():
            if line and not line.startswith(":"):
                found |= (
                    set(page.parent.glob(f"{line}.md")) if "*" in line else {(page.parent / f"{line}.md").resolve()}
                )
    return found


def test_the_navigation_leads_to_each_page() -> None:
    seen: set[Path] = set()
    left = {SITE / "index.md"}
    while left:
        seen |= left
        left = {page for one in left for page in tree(one)} - seen

    assert seen == {page for page in SITE.rglob("*.md") if not page.name.startswith("_")}


def test_half_of_the_pages_have_at_most_150_lines_and_none_has_more_than_300() -> None:
    lengths = [len(page.read_text("utf-8").splitlines()) for page in GUIDE if len(tree(page)) == 0]

    assert statistics.median(lengths) <= 150
    assert max(lengths) <= 300


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_block_is_run_or_is_output(page: Path) -> None:
    kinds = {block.language for block in blocks(page)}

    assert kinds <= {"python", "sh", "text", "yaml", *GENERATED, *({"sql"} if page in WITH_SQL else ())}
    indented = re.findall(r"^\n(?: {4}.+\n)+", without_blocks(page.read_text("utf-8")), re.M)
    # Those of a list are a part of it.
    assert [block for block in indented if block.lstrip("\n ").startswith("python3 dev.py") is False] == []


COMMANDS = [
    (block.place, command.strip())
    for block in everywhere("sh")
    for line in block.text.splitlines()
    for command in line.split(" && ")
]


@pytest.mark.parametrize(("place", "command"), COMMANDS, ids=lambda text: text)
def test_command_can_be_typed(place: str, command: str) -> None:
    program, *arguments = [word for word in shlex.split(command, comments=True) if not VARIABLE.fullmatch(word)]
    match program, *arguments[:2]:
        case "python", "manage.py", name:
            parse(name, arguments[2:])
        case "python", "-m", module:
            names = arguments[2:] if module in ("pip", "pytest", "sphinx") else ()
            assert (
                names
                or (ROOT / f"{module.replace('.', '/')}.py").exists()
                or (ROOT / module.replace(".", "/")).is_dir()
            )
        case "pip", "install", wanted:
            name, extras = re.fullmatch(r"([\w-]+)(?:\[([\w,]+)\])?", wanted).groups()  # type: ignore[union-attr]
            assert name == django_zero_downtime_migrations.DISTRIBUTION
            assert set(extras.split(",")) <= {"psycopg", "psycopg2", "lint"}
        case _:
            raise AssertionError(f"{command} is no command that is known here")


def parse(name: str, arguments: list[str]) -> None:
    """As Django does it, up to the point where the command would begin. :raises CommandError: when it cannot."""
    app = "django_zero_downtime_migrations"
    ours = {path.stem for path in (ROOT / app / "management" / "commands").glob("[!_]*.py")}
    command: BaseCommand = load_command_class(app if name in ours else get_commands()[name], name)
    parser = command.create_parser("manage.py", name)
    parser.called_from_command_line = False  # type: ignore[attr-defined]
    parser.parse_args(arguments)


def test_command_that_is_misspelt_would_be_seen() -> None:
    with pytest.raises(CommandError, match="--runs"):
        parse("backfills", ["--runs"])


def test_hooks_of_the_pre_commit_framework_are_those_of_the_repository() -> None:
    (block,) = everywhere("yaml")

    def ids(text: str) -> list[str]:
        return re.findall(r"^ *- id: ([\w-]+)", text, re.M)

    assert ids(block.text) == ids((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
