"""The runbook: each entry's situation is made, the log says what the entry says, and what the entry types helps."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models

from tests.backends.fixtures import observer, site
from tests.backends.project import Site
from tests.backends.sessions import run, wait_until
from tests.docs.pages import SITE, blocks

pytestmark = pytest.mark.slow

__all__ = ["observer", "site"]

ID = ("id", models.BigAutoField(primary_key=True))
ORDER = migrations.CreateModel("order", [ID, ("number", models.IntegerField(null=True))])
CODE = migrations.AddField("order", "code", models.CharField(max_length=9, null=True))
NOTE = migrations.AddField("order", "note", models.CharField(max_length=20, null=True))
INDEX = migrations.AddIndex("order", models.Index(fields=["number"], name="order_number"))
ONCE = migrations.AddConstraint("order", models.UniqueConstraint(fields=["number"], name="order_number_once"))
#: What is at work on the server, beside who asks.
AT_WORK = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %s AND state = 'active' "
    "AND pid <> pg_backend_pid()"
)
INDEXES = (
    "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indrelid = 'shop_order'::regclass ORDER BY 1"
)
COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = 'shop_order'::regclass AND attnum > 0 AND NOT attisdropped"
JOURNALS = "SELECT typname FROM pg_type WHERE typname LIKE 'zero\\_downtime%%'"


class Entry:
    """A page of the runbook, which is followed block by block to its end."""

    def __init__(self, name: str, shop: Site, session: Any) -> None:
        page = SITE / "runbook" / f"{name}.md"
        self.left = [block for block in blocks(page) if block.language != "{toctree}"]
        self.shop = shop
        self.session = session

    def __enter__(self) -> Entry:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        assert error is not None or [block.text for block in self.left] == []

    def says(self, log: str) -> None:
        """The next block is in the log; in place of … it may have anything, and in place of 4711 another number."""
        block = self._next("text")
        pattern = ".*?".join(map(re.escape, re.split(r"\s*…\s*", block.strip()))).replace("4711", r"\d+")
        assert re.search(pattern, log, re.S), f"{block}\nis not in\n{log}"

    def types(self, pid: int = 4711, **names: str) -> Any:
        """Do what the next block says. :returns: what commands print, or the rows of the last statement."""
        language = self.left[0].language
        text = self._next(language).replace("4711", str(pid))
        for name, other in names.items():
            text = re.sub(rf"\b{name}\b", other, text)
        if language == "sh":
            return "".join(self._manage(line) for line in text.splitlines())
        return [run(self.session, statement) for statement in text.split(";\n") if statement][-1]

    def _manage(self, line: str) -> str:
        program, script, *arguments = line.split()
        assert (program, script) == ("python", "manage.py")
        done = self.shop.manage(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def _next(self, language: str) -> str:
        block = self.left.pop(0)
        assert block.language == language, block.text
        return block.text


@pytest.fixture
def shop(site: Site, observer: Any) -> Site:
    """Make a shop with orders and the recommended settings."""
    site.settings["INSTALLED_APPS"] = ["shop", "django_zero_downtime_migrations"]
    site.database["ZERO_DOWNTIME_MIGRATIONS"] = {"PRESET": "recommended"}
    site.add(ORDER)
    site.migrate()
    run(observer, "INSERT INTO shop_order (number) SELECT n FROM generate_series(1, 100) n")
    return site


@pytest.fixture
def entry(shop: Site, observer: Any) -> Callable[[str], Entry]:
    """entry(name): a page."""
    return lambda name: Entry(name, shop, observer)


def forgotten(session: Any, lock: str = "") -> int:
    """Begin a transaction that stays idle, and return its process.

    :param lock: the lock that it takes on the orders; without one it only has a snapshot.
    """
    if lock:
        run(session, f"LOCK TABLE shop_order IN {lock} MODE")
    else:
        run(session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    return int(run(session, "SELECT pg_backend_pid() FROM pg_class LIMIT 1")[0][0])


def building(shop: Site, observer: Any, *operations: Any) -> Any:
    """Start a `migrate` whose build waits for another session's snapshot."""
    if operations:
        shop.add(*operations)
    process = shop.start("migrate")
    wait_until(lambda: run(observer, AT_WORK, "CREATE %INDEX CONCURRENTLY%"), "the build has begun")
    return process


def killed(shop: Site, observer: Any, other: Any, *operations: Any) -> None:
    """`migrate` was killed at the build of an index, and the server has given it up."""
    forgotten(other)
    process = building(shop, observer, *operations)
    process.kill()
    process.communicate()
    for (pid,) in run(observer, AT_WORK, "CREATE %INDEX CONCURRENTLY%"):
        run(observer, "SELECT pg_terminate_backend(%s, 5000)", pid)
    other.rollback()


def next_line(process: Any, word: str) -> str:
    """Return what a command says up to the first line with this word."""
    said = ""
    while word not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def test_stuck(entry: Callable[[str], Entry], shop: Site, observer: Any, other_session: Any) -> None:
    pid = forgotten(other_session)
    with entry("stuck") as page:
        process = building(shop, observer, INDEX)
        page.says(next_line(process, "waiting for old snapshots"))
        (row,) = page.types(pid)
        assert (row[0], row[3]) == (pid, "idle in transaction")
        page.types(pid)
        process.communicate()
        assert process.returncode == 0
        assert ("order_number", True) in run(observer, INDEXES)


def test_blocked(entry: Callable[[str], Entry], shop: Site, observer: Any, open_session: Callable[..., Any]) -> None:
    other = open_session()
    with entry("blocked") as page:
        pid = forgotten(other, "ACCESS SHARE")
        shop.add(CODE)
        process = shop.start("migrate")
        page.says(next_line(process, "Waiting outside"))
        process.send_signal(signal.SIGINT)
        process.communicate()
        shop.database["ZERO_DOWNTIME_MIGRATIONS"]["LOCK_RETRY_TIMEOUT"] = "200ms"
        page.says(shop.refused())
        (row,) = page.types(pid)
        assert (row[0], row[3]) == (pid, "idle in transaction")
        page.types(pid)
        page.types()
        assert ("code",) in run(observer, COLUMNS)
        # Another migrate, which has been forgotten.
        idle = forgotten(open_session())
        first = building(shop, observer, INDEX)
        second = shop.start("migrate")
        said = next_line(second, "To end it")
        page.says(said)
        page.types(int(re.findall(r"pg_terminate_backend\((\d+)\)", said)[0]))
        first.communicate()
        run(observer, "SELECT pg_terminate_backend(%s)", idle)
        said, _ = second.communicate()
        page.says(said)
        assert second.returncode == 0
        assert ("order_number", True) in run(observer, INDEXES)


def test_killed(entry: Callable[[str], Entry], shop: Site, observer: Any, other_session: Any) -> None:
    with entry("killed") as page:
        killed(shop, observer, other_session, CODE, INDEX)
        page.says(page.types())
        assert ("order_number", True) in run(observer, INDEXES)
        assert run(observer, JOURNALS) == []


def test_rows_in_the_way(entry: Callable[[str], Entry], shop: Site, observer: Any) -> None:
    with entry("rows") as page:
        run(observer, "UPDATE shop_order SET number = 1 WHERE id = 2")
        shop.add(ONCE)
        page.says(shop.refused())
        assert page.types() == [(1, 2, [1, 2])]
        page.types()
        page.types()
        assert ("order_number_once", True) in run(observer, INDEXES)


def test_invalid_index(entry: Callable[[str], Entry], shop: Site, observer: Any, other_session: Any) -> None:
    with entry("invalid-index") as page:
        run(observer, "UPDATE shop_order SET number = 1 WHERE id = 2")
        with pytest.raises(Exception, match="could not create unique index"):
            run(observer, "CREATE UNIQUE INDEX CONCURRENTLY forgotten ON shop_order (number)")
        run(other_session, "INSERT INTO shop_order (number) VALUES (1000)")
        process = building(shop, observer, INDEX)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: run(observer, AT_WORK, "DROP INDEX CONCURRENTLY%"), "it is taken back")
        process.send_signal(signal.SIGINT)
        page.says(process.communicate()[0])
        other_session.rollback()
        assert sorted(page.types()) == [("forgotten", "shop_order", None), ("order_number", "shop_order", None)]
        page.types()
        page.types()
        assert run(observer, INDEXES) == [("order_number", True), ("shop_order_pkey", True)]


def test_journal_is_left(entry: Callable[[str], Entry], shop: Site, observer: Any, other_session: Any) -> None:
    with entry("journal-left") as page:
        killed(shop, observer, other_session, CODE, INDEX)
        run(observer, "ALTER TABLE shop_order ALTER code TYPE text")
        page.says(shop.refused())
        page.types()
        page.types()
        assert ("order_number", True) in run(observer, INDEXES)
        # Another branch has another third migration.
        killed(shop, observer, other_session, NOTE, ONCE)
        given_up(shop)
        page.says(shop.migrate())


def given_up(shop: Site) -> None:
    """The file of the last migration is deleted."""
    file: Path = shop.folder / "shop" / "migrations" / f"{shop.names.pop()}.py"
    file.unlink()


def test_already_there(entry: Callable[[str], Entry], shop: Site, observer: Any) -> None:
    with entry("already-exists") as page:
        run(observer, "ALTER TABLE shop_order ADD note varchar(20), ADD code text")
        shop.add(NOTE, CODE)
        said = shop.refused()
        page.says(said)
        page.says(said)
        page.types()
        page.types()
        # A table of an app whose first migration is not recorded.
        run(observer, "CREATE TABLE shop_item (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)")
        shop.add(migrations.CreateModel("item", [ID]))
        page.says(shop.refused())
        file = shop.folder / "shop" / "migrations" / f"{shop.names[-1]}.py"
        file.write_text(
            file.read_text().replace(
                "class Migration(migrations.Migration):",
                "class Migration(migrations.Migration):\n    initial = True",
                1,
            )
        )
        page.types()


def test_undo_by_hand(entry: Callable[[str], Entry], shop: Site, observer: Any, other_session: Any) -> None:
    with entry("undo") as page:
        killed(shop, observer, other_session, CODE, INDEX)
        page.types()
        assert ("code",) not in run(observer, COLUMNS)
        killed(shop, observer, other_session)
        assert 'ADD COLUMN "code"' in page.types()
        page.types()
        page.types()
        given_up(shop)
        said = shop.migrate()
        page.says(said)
        (forget,) = re.findall(r"forget it: (.+)\.$", said, re.M)
        run(observer, forget)
        assert run(observer, JOURNALS) == []
        assert "interrupted" not in shop.migrate()


def test_disk_full(entry: Callable[[str], Entry], shop: Site, observer: Any) -> None:
    database = str(shop.database["NAME"])
    with entry("disk-full") as page:
        run(observer, "INSERT INTO shop_order (number) SELECT n FROM generate_series(1, 60000) n")
        for limit in (
            "temp_file_limit = '64kB'",
            "maintenance_work_mem = '1MB'",
            "max_parallel_maintenance_workers = 0",
        ):
            run(observer, f"ALTER DATABASE {database} SET {limit}")
        shop.add(CODE, INDEX)
        page.says(shop.refused())
        page.types()
        page.types(shop=database)
        page.types()
        assert ("order_number", True) in run(observer, INDEXES)


def test_failover(entry: Callable[[str], Entry], shop: Site, observer: Any, other_session: Any) -> None:
    with entry("failover") as page:
        forgotten(other_session)
        process = building(shop, observer, CODE, INDEX)
        for (pid,) in run(observer, AT_WORK, "CREATE INDEX CONCURRENTLY%"):
            run(observer, "SELECT pg_terminate_backend(%s)", pid)
        page.says(process.communicate()[0])
        other_session.rollback()
        page.says(page.types())
        assert ("order_number", True) in run(observer, INDEXES)


def test_each_page_of_the_runbook_has_a_test() -> None:
    tested = set(re.findall(r'entry\("([\w-]+)"\)', Path(__file__).read_text("utf-8")))

    assert tested == {page.stem for page in (SITE / "runbook").glob("*.md")} - {"index"}
