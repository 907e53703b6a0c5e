"""The site is whole: a way leads to each page, pages are short, and what can be typed can be typed."""

from __future__ import annotations

import re
import shlex
import statistics
from pathlib import Path

import pytest
from django.core.management import BaseCommand, CommandError, get_commands, load_command_class

import django_zero_downtime_migrations
from django_zero_downtime_migrations.checks import TAG
from django_zero_downtime_migrations.findings import Severity
from django_zero_downtime_migrations.judging.configuration import NAMES, completed
from tests.docs.pages import GUIDE, README, ROOT, SITE, blocks, everywhere, rows, without_blocks
from tests.matrix import MAJORS

#: Those of directives of the site; what they make is generated, or another file's.
GENERATED = {"{toctree}", "{include}", "{eval-rst}", "{literalinclude}"}
#: Where a test compares them or sends them.
WITH_SQL = {SITE / "start" / "five-minutes.md", *(SITE / "runbook").glob("*.md")}
#: Of a system check, in the sources.
NUMBER = re.compile(r"\{TAG\}\.([EW]\d{3})")
#: What stands before a command, for it alone.
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


def test_each_page_has_one_title() -> None:
    including = {page for page in GUIDE if blocks(page, "{include}")}
    titles = {page: re.findall(r"^# .+", without_blocks(page.read_text("utf-8")), re.M) for page in GUIDE}

    assert {page.name: found for page, found in titles.items() if page not in including and len(found) != 1} == {}


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_block_is_run_or_is_output(page: Path) -> None:
    kinds = {block.language for block in blocks(page)}

    assert kinds <= {"python", "sh", "text", "toml", "yaml", *GENERATED, *({"sql"} if page in WITH_SQL else ())}
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
        case "pip", "uninstall", wanted:
            assert wanted in text_of_checks()
        case "pip", "install", wanted:
            name, extras = re.fullmatch(r"([\w-]+)(?:\[([\w,]+)\])?", wanted).groups()  # type: ignore[union-attr]
            assert name == django_zero_downtime_migrations.DISTRIBUTION
            assert set(extras.split(",")) <= {"psycopg", "psycopg2", "lint"}
        case _:
            raise AssertionError(f"{command} is no command that is known here")


def text_of_checks() -> str:
    return (ROOT / "django_zero_downtime_migrations" / "checks.py").read_text("utf-8")


def parse(name: str, arguments: list[str]) -> None:
    """Parse the arguments of a command as Django does, and stop where it would begin.

    :raises CommandError: when it cannot.
    """
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


def test_options_of_a_project_are_taken_as_they_stand_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = everywhere("toml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(block.text, "utf-8")
    options, configuration = completed({"fail_on": None})

    assert options["fail_on"] == ["warn"]
    assert options["exclude"] == ["legacy", "shop.0001_initial"]
    assert [(start.app, start.migration) for start in options["starts"]] == [("orders", "0012_note")]
    assert options["baseline"] == tmp_path / "known-findings.json"
    assert configuration.ignore == {"RUN_PYTHON_NO_REVERSE"}
    assert configuration.severity == {"SAME_TABLE_TWICE": Severity.WARN, "DATA_WITH_SCHEMA": Severity.REFUSE}


def test_each_option_of_a_project_is_on_its_page() -> None:
    text = (SITE / "run-it" / "check-migrations.md").read_text("utf-8")

    assert [name for name in NAMES if f"`{name}`" not in text] == []


def test_each_system_check_is_on_its_page() -> None:
    package = ROOT / "django_zero_downtime_migrations"
    ids = {
        f"`{TAG}.{number}`" for file in package.glob("*checks.py") for number in NUMBER.findall(file.read_text("utf-8"))
    }

    assert {row[0] for row in rows(SITE / "reference" / "checks.md", "id")} == ids


def test_what_is_supported_is_what_is_tried() -> None:
    """`dj42: python3.10` in tox.ini, the servers of the matrix, and the classifiers."""
    tox, project = (ROOT / "tox.ini").read_text("utf-8"), (ROOT / "pyproject.toml").read_text("utf-8")
    tried = re.findall(r"^    dj(\d)(\d): python([\d.]+)$", tox.split("[testenv:")[0], re.M)
    stated = rows(SITE / "project" / "support.md", "Django")

    assert [(row[0], row[1]) for row in stated] == [(f"{major}.{minor}", python) for major, minor, python in tried]
    oldest = re.findall(r"\((\d), (\d)\): (\d+)", (ROOT / "tests" / "matrix.py").read_text("utf-8"))
    servers = {f"{major}.{minor}": f"{server}–{MAJORS[-1]}" for major, minor, server in oldest}
    assert [row[2] for row in stated] == [servers[row[0]] for row in stated]
    assert re.findall(r"Framework :: Django :: (\d.+)\"", project) == [row[0] for row in stated]
    assert re.findall(r"Python :: (3\.\d+)\"", project) == [row[1] for row in stated]
    assert f"Django {', '.join(row[0] for row in stated)} · Python 3.10–3.13 · PostgreSQL 14–18" in README.read_text(
        "utf-8"
    )
