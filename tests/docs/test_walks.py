"""docs/walks.md: each walk is gone, and its functions are called in the order in which they stand there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.fixtures import observer, site
from tests.backends.project import DJANGO, ROOT, Site
from tests.backends.sessions import Beside, run, wait_until

__all__ = ["observer", "site"]

Hop = tuple[str, str]
#: A line for each call of a function of the package, written into the file that TRACED names.
TRACE = """
import os, sys
import django_zero_downtime_migrations as package

folder = os.path.dirname(package.__file__) + os.sep
calls = []


def note(frame, event, arg):
    name = frame.f_code.co_filename
    if event == "call" and name.startswith(folder):
        calls.append(f"{name[len(folder):]} {frame.f_code.co_name}")


from django.core.management import execute_from_command_line

sys.setprofile(note)
try:
    execute_from_command_line(["manage.py", *sys.argv[1:]])
finally:
    sys.setprofile(None)
    with open(os.environ["TRACED"], "w") as file:
        file.write("\\n".join(calls))
"""
ID = ("id", models.BigAutoField(primary_key=True))
BOOK = migrations.CreateModel("book", [ID, ("pages", models.IntegerField(null=True))])
TITLE = migrations.AddField("book", "title", models.CharField(max_length=9, null=True))
BY_PAGES = migrations.AddIndex("book", models.Index(fields=["pages"], name="by_pages"))
#: The question who is in the way has been answered.
LOOKED = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' "
    "AND query LIKE '%WITH RECURSIVE named(relation, modes, alone)%'"
)
RANK = migrations.AddField("book", "rank", models.IntegerField(null=True))


def walks() -> dict[str, list[Hop]]:
    """Return the hops by their headings."""
    found: dict[str, list[Hop]] = {}
    for line in (ROOT / "docs" / "walks.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# …")
            found[heading] = []
        elif hop := re.match(r"\| `([\w/]+\.py)` \| `(\w+)` \|", line):
            found[heading].append((hop[1], hop[2]))
    return {heading: hops for heading, hops in found.items() if hops}


WALKS = walks()


def traced(site: Site, *arguments: str) -> list[Hop]:
    """The functions that a command calls. The command has to succeed."""
    file = site.folder / "traced"
    site.program = ["-c", TRACE]
    os.environ["TRACED"] = str(file)
    try:
        done = site.manage(*arguments)
    finally:
        del os.environ["TRACED"]
        site.program = DJANGO
    assert done.returncode == 0, done.stdout
    return [tuple(line.split(" ", 1)) for line in file.read_text().splitlines()]  # type: ignore[misc]


def follow(walk: list[Hop], calls: list[Hop]) -> None:
    """Each hop comes after the one before it."""
    left: Iterator[Hop] = iter(calls)
    for hop in walk:
        assert hop in left, f"{hop} is not called after the hop before it"


@pytest.fixture
def books(site: Site) -> Site:
    site.settings["INSTALLED_APPS"] = ["shop", "django_zero_downtime_migrations"]
    site.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT"] = "1s"
    site.settings["ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT"] = "1min"
    site.add(BOOK)
    site.migrate()
    return site


@pytest.mark.parametrize("command", ["sqlmigrate shop 0002", "check_migrations", "migrate"])
def test_one_field(books: Site, command: str) -> None:
    books.add(TITLE)
    calls = traced(books, *command.split())
    follow(WALKS["One AddField"], calls)
    follow(WALKS[f"in {command.split()[0]}"], calls)


def test_a_lock_that_is_not_free(books: Site, observer: Any, other_session: Any) -> None:
    books.add(TITLE)
    run(other_session, "LOCK TABLE shop_book")
    with Beside(lambda: traced(books, "migrate")) as work:
        # The transaction is old, and ends when the migration has looked and waits for its end.
        wait_until(lambda: run(observer, LOOKED), "the migration has looked", work)
        other_session.rollback()
        follow(WALKS["A lock that is not free"], work.result())


def test_a_migration_that_was_interrupted(books: Site, observer: Any, other_session: Any) -> None:
    books.add(TITLE, BY_PAGES, RANK)
    # The build waits for a snapshot that is older than it.
    run(other_session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    run(other_session, "SELECT FROM pg_class LIMIT 1")
    process: subprocess.Popen[str] = books.start("migrate")
    there = "SELECT to_regclass('by_pages') IS NOT NULL"
    wait_until(lambda: run(observer, there) == [(True,)], "the build has begun")
    process.kill()
    process.communicate()
    other_session.rollback()
    follow(WALKS["A migration that was interrupted goes on"], traced(books, "migrate"))


def test_no_walk_is_longer_than_one_remembers() -> None:
    assert {heading: len(hops) for heading, hops in WALKS.items() if len(hops) > 10} == {}
