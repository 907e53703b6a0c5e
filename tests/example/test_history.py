"""The whole history of the shop, forwards and backwards, leaves what stock Django leaves."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db.migrations import RunSQL

from example.shop import migrations as shop_migrations
from tests import databases
from tests.backends.sessions import run
from tests.example.project import Project, on_new_database

pytestmark = pytest.mark.slow


@pytest.fixture
def ours() -> Iterator[Project]:
    with on_new_database("ours") as project:
        yield project


@pytest.fixture
def stock() -> Iterator[Project]:
    with on_new_database("stock") as project:
        yield project


def test_the_models_are_what_the_migrations_lead_to(stock: Project) -> None:
    stock.manage("makemigrations", "--check", "--dry-run")


def test_forwards_on_tables_in_use_gives_the_schema_of_stock_django(ours: Project, stock: Project) -> None:
    for project in (ours, stock):
        # In two processes, so that for the second one the tables of the first are in use.
        project.manage("migrate", "shop", "0001")
        project.manage("migrate", "shop")
    assert ours.schema() == stock.schema()


def test_forwards_at_once_gives_the_schema_of_stock_django(ours: Project, stock: Project) -> None:
    for project in (ours, stock):
        project.manage("migrate", "shop")
    assert ours.schema() == stock.schema()


def test_backwards_gives_the_schema_of_stock_django(ours: Project, stock: Project) -> None:
    for project in (ours, stock):
        project.manage("migrate", "shop")
        # Back to a shorter varchar is a rewrite.
        project.manage("migrate", "shop", "0001", refuse_unsafe=False)
    assert ours.schema() == stock.schema()


def test_the_way_back_and_forth_can_be_gone_again(ours: Project) -> None:
    ours.manage("migrate", "shop")
    first = ours.schema()
    ours.manage("migrate", "shop", "0001", refuse_unsafe=False)
    ours.manage("migrate", "shop")
    assert columns_sorted(ours.schema()) == columns_sorted(first)


def with_own_sql() -> list[str]:
    """The names of the migrations that have a RunSQL."""
    names = (module.name for module in pkgutil.iter_modules(shop_migrations.__path__))
    modules = {name: importlib.import_module(f"{shop_migrations.__name__}.{name}") for name in names}
    return sorted(
        name
        for name, module in modules.items()
        if any(isinstance(operation, RunSQL) for operation in module.Migration.operations)
    )


def test_own_sql_needs_no_lock_for_which_it_would_have_to_wait_for_a_report(ours: Project) -> None:
    """The SQL is sent once, as it is written; whether it then got a lock that a reader stops would be chance."""
    assert with_own_sql()
    for name in with_own_sql():
        before = f"{int(name[:4]) - 1:04}"
        ours.manage("migrate", "shop", before)
        with closing(databases.open_session(ours.url.rsplit("/", 1)[1])) as report:
            run(report, "SELECT FROM shop_order")
            ours.manage("migrate", "shop", name)


def columns_sorted(schema: str) -> list[str]:
    """A column that was dropped and added again stands at the end of its table."""
    return sorted(line.rstrip(",") for line in schema.splitlines())


def test_backwards_to_nothing_leaves_no_table(ours: Project) -> None:
    ours.manage("migrate", "shop")
    ours.manage("migrate", "shop", "zero", refuse_unsafe=False)
    assert "shop_" not in ours.schema()


def test_unsafe_migrations_on_a_table_in_use_are_refused_and_change_nothing(ours: Project) -> None:
    ours.manage("migrate", "unsafe", "0001")
    before = ours.schema()
    output = ours.manage("migrate", "unsafe", exit_code=1)
    assert "UnsafeOperationException" in output
    assert ours.schema() == before


def test_unsafe_migrations_that_are_not_refused_warn_and_give_the_schema_of_stock_django(
    ours: Project, stock: Project
) -> None:
    for project in (ours, stock):
        project.manage("migrate", "unsafe", "0001")
        output = project.manage("migrate", "unsafe", refuse_unsafe=False)
        assert ("UnsafeOperationWarning" in output) == (project is ours)
    assert ours.schema() == stock.schema()
