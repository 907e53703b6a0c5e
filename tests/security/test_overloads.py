"""Migrations of every kind by the owner of the tables, in a database where another role has planted overloads of all
that we use: none is called.
"""

from __future__ import annotations

import copy
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from django_zero_downtime_migrations.errors import UnsafeOperationWarning
from django_zero_downtime_migrations.execution.batches.position import Caller
from django_zero_downtime_migrations.execution.batches.records import Backfills
from django_zero_downtime_migrations.execution.progress import activity
from django_zero_downtime_migrations.execution.session import second_connection
from django_zero_downtime_migrations.operations import Backfill
from tests import databases
from tests.backends.project import Shop
from tests.backends.sessions import run
from tests.faults.scenarios.bad_data import CASES as BAD
from tests.operations.case import APP, Case
from tests.operations.cases import CASES
from tests.operations.runs import connected, make, psql
from tests.partitions import tables

from .parsed import unqualified

pytestmark = pytest.mark.filterwarnings("ignore:'index_together' is deprecated")

# The tablespace is one of the process that makes it.
IN_USE = [case for case in CASES if "tablespace" not in case.name]
BROKEN = [bad for bad in BAD if bad.scenario.filled]


@pytest.fixture
def reach(attacked_name: str, django_db_blocker: Any) -> Iterator[Callable[..., Any]]:
    """reach(engine, setting=…): a connection to the attacked database, with a schema of its own before public."""
    with django_db_blocker.unblock(), connected(settings.STOCK_ENGINE, attacked_name) as admin:
        run(admin, "CREATE SCHEMA own")

        @contextmanager
        def make_connection(engine: str = settings.ENGINE, **zero_downtime: Any) -> Iterator[BaseDatabaseWrapper]:
            with connected(engine, attacked_name, **zero_downtime) as connection:
                # Rows are made without hostile schemas: the user's own SQL means what it says.
                run(connection, f"SET search_path = own{', public' if engine == settings.ENGINE else ''}")
                yield connection

        yield make_connection
        run(admin, "DROP SCHEMA IF EXISTS own, other CASCADE")
        assert run(admin, "SELECT is_called FROM public.called") == [(False,)]


class Questions:
    """The questions of our own modules, and not Django's in between."""

    def __init__(self, asked: dict[str, str]) -> None:
        self.asked = asked

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        frame = sys._getframe(1)
        while re.search(r"[/\\]django[/\\]db[/\\]backends[/\\]utils\.py$|contextlib\.py$", frame.f_code.co_filename):
            frame = frame.f_back  # type: ignore[assignment]
        module = frame.f_globals["__name__"]
        # Definitions of the user's are tried out on a probe, and Django's own questions located.
        if (
            module.startswith("django_zero_downtime_migrations.")
            and not module.endswith(".other_schemas")
            and re.match(r"\s*(WITH|SELECT|UPDATE|DO)\b", str(sql))
        ):
            text = context["connection"].ops.compose_sql(sql, params) if params else str(sql)
            self.asked.setdefault(str(sql), text)
        return execute(sql, params, many, context)


def migrate(
    connection: BaseDatabaseWrapper, case: Case, back: bool = False, asked: dict[str, str] | None = None
) -> dict[str, str]:
    migration = Migration("0002_change", APP)
    migration.operations, migration.atomic = copy.deepcopy(case.operations), case.atomic
    questions = Questions({} if asked is None else asked)
    with warnings.catch_warnings(), connection.execute_wrapper(questions):
        warnings.simplefilter("ignore", UnsafeOperationWarning)
        with connection.schema_editor(atomic=migration.atomic) as editor:
            migration.apply(case.state(), editor)
        if back and case.reversible:
            with connection.schema_editor(atomic=migration.atomic) as editor:
                migration.unapply(case.state(), editor)
    return questions.asked


def assert_qualified(asked: dict[str, str]) -> None:
    """But for the tables that a migration is about, which are looked for as its statements do it."""
    for text in asked.values():
        fills = re.search(r"(?:UPDATE|FROM) (?P<table>\"(?:[^\"]|\"\")+\") (?:SET|WHERE \(|LIMIT)", text)
        table = f"relation {fills['table'][1:-1].replace(chr(34) * 2, chr(34))}" if fills else ""
        found = [x for x in unqualified(text) if x != table]
        assert not found, f"{found} in {text}"


@pytest.mark.parametrize("case", IN_USE, ids=str)
def test_migrations_call_nothing_of_somebody_else(reach: Any, case: Case) -> None:
    with reach(settings.STOCK_ENGINE) as stock:
        make(case, stock)
    with reach(IDEMPOTENT_SQL=True, RAISE_FOR_UNSAFE=False) as connection:
        assert_qualified(migrate(connection, case, back=True))


@pytest.mark.parametrize("bad", BROKEN, ids=str)
def test_violating_rows_are_found_with_nothing_of_somebody_else(reach: Any, bad: Any) -> None:
    case = bad.scenario.case
    with reach(settings.STOCK_ENGINE) as stock:
        make(case, stock)
        run(stock, bad.broken.replace("public.", "own."))
    questions: dict[str, str] = {}
    found = pytest.raises(DatabaseError, match="To see all: SELECT")
    with reach(RAISE_FOR_UNSAFE=False, SHOW_OFFENDING_VALUES=True) as connection, found:
        migrate(connection, case, asked=questions)
    assert any("LIMIT 11" in text for text in questions)
    assert_qualified(questions)


def test_partitioned_tables_are_migrated_with_nothing_of_somebody_else(reach: Any) -> None:
    with reach(settings.STOCK_ENGINE) as stock:
        tables.begin(Shop(stock))
    with reach(IDEMPOTENT_SQL=True, RAISE_FOR_UNSAFE=False) as connection:
        shop = Shop(connection)
        shop.migrate(migrations.SeparateDatabaseAndState([], [tables.AUTHOR, tables.EVENT, tables.SALE]))
        with connection.execute_wrapper(Questions(asked := {})):
            for operation in (
                migrations.AddIndex("sale", models.Index(fields=["pages"], name="by_pages")),
                migrations.AlterField(
                    "sale", "title", models.CharField(max_length=20, null=True, unique=False, db_index=True)
                ),
                migrations.AlterField("sale", "pages", models.IntegerField()),
                migrations.AlterField(
                    "sale", "author", models.ForeignKey("shop.author", models.CASCADE, db_column="author")
                ),
                migrations.RemoveIndex("sale", "by_pages"),
                migrations.AddField("sale", "more", models.IntegerField(null=True)),
            ):
                shop.migrate(operation)
        assert_qualified(asked)


SHELF = migrations.CreateModel(
    "shelf", [("id", models.BigAutoField(primary_key=True)), ("number", models.IntegerField(null=True))]
)


def test_a_step_that_waits_looks_with_nothing_of_somebody_else(reach: Any, attacked_name: str) -> None:
    waiting = reach(LOCK_TIMEOUT="500ms", LOCK_RETRY_TIMEOUT="30s")
    with waiting as connection, closing(databases.open_session(attacked_name)) as other:
        shop = Shop(connection)
        shop.migrate(SHELF)
        run(other, "SET search_path = own; SELECT count(*) FROM shop_shelf")
        threading.Timer(1.5, other.rollback).start()
        with connection.execute_wrapper(Questions(asked := {})):
            shop.migrate(migrations.AddField("shelf", "more", models.IntegerField(null=True)))
        assert len([text for text in asked if "pg_locks" in text]) == 1
        assert_qualified(asked)


def test_progress_is_asked_with_nothing_of_somebody_else(reach: Any) -> None:
    with reach() as connection, closing(second_connection.connect(connection, "test")) as session:
        Shop(connection).migrate(SHELF)
        run(session, "SET search_path = own, public")
        assert activity.ask(session, connection.connection.info.backend_pid, True) is not None
        assert activity.size_of(session, "shop_shelf") == 0


def test_scripts_run_with_nothing_of_somebody_else(reach: Any) -> None:
    with reach(RAISE_FOR_UNSAFE=False) as connection:
        shop = Shop(connection)
        shop.migrate(SHELF)
        run(connection, "INSERT INTO shop_shelf (number) SELECT NULL FROM pg_catalog.generate_series(1, 100)")
        script = shop.script(
            migrations.AlterField("shelf", "number", models.IntegerField(default=7)),
            migrations.AddIndex("shelf", models.Index(fields=["number"], name="by_number")),
        )
        psql(connection.settings_dict["NAME"], f"SET search_path = own, public;\n{script}")
        assert run(connection, "SELECT DISTINCT number FROM shop_shelf") == [(7,)]


def number_them(apps: Any, rows: Any) -> None:
    rows.update(number=3)


@pytest.mark.slow
def test_backfills_are_kept_and_steered_with_nothing_of_somebody_else(reach: Any) -> None:
    settings = {"BACKFILL_BATCH_TIME": "1ms", "BACKFILL_LOAD": 1.0, "BACKFILL_VACUUM_EVERY": 0}
    with reach(RAISE_FOR_UNSAFE=False, **settings) as connection:
        shop = Shop(connection)
        shop.migrate(SHELF)
        run(connection, "INSERT INTO shop_shelf (number) SELECT 1 FROM pg_catalog.generate_series(1, 20000)")
        with connection.execute_wrapper(Questions(asked := {})):
            shop.migrate(Backfill("shelf", {"number": 2}, where=models.Q(number=1)))
            shop.migrate(Backfill("shelf", each=number_them, where=models.Q(number=2, pk__lte=15_000)))
            later = Backfill("shelf", {"number": 4}, where=models.Q(number=3), later=True)
            shop.migrate(later)
            backfills = Backfills(connection)
            [entry] = backfills.owed()
            backfills.pause(entry)
            backfills.resume(entry)
            assert backfills.runner(entry) is None
            caller = Caller(entry.whose, later=True)
            later.run_later(connection, "shop", shop.states[-1].apps, caller)
            assert backfills.finish(entry) == ""
        assert any("'paused'" in text for text in asked)
        assert_qualified(asked)
        assert run(connection, "SELECT number, count(*) FROM shop_shelf GROUP BY 1 ORDER BY 1") == [
            (2, 5000),
            (4, 15000),
        ]


def test_hostile_functions_are_called_where_somebody_lets_them(hostile_template: str) -> None:
    """The hostile functions that the other tests look for can be found."""
    with (
        databases.fresh_database(hostile_template) as name,
        closing(databases.open_session(name, autocommit=True)) as session,
    ):
        with pytest.raises(databases.driver.Error, match="hostile numeric and int4 was called as"):
            run(session, "SELECT 1.5 * 2::int4")
        assert run(session, "SELECT is_called FROM called") == [(True,)]
