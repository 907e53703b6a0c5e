"""The ways in which projects make their test databases, and apps without migrations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.project import Site

from . import library as project

pytestmark = pytest.mark.slow


def passes(done: Any) -> str:
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


def test_test_command(library: Site, left_behind: Callable[[], list[str]]) -> None:
    assert "Ran 6 tests" in passes(library.manage("test"))
    assert left_behind() == []


def test_keepdb_twice(library: Site, left_behind: Callable[[], list[str]]) -> None:
    for _ in range(2):
        assert "Ran 6 tests" in passes(library.manage("test", "--keepdb"))
        assert left_behind() == [""]


def test_keepdb_and_a_new_migration_in_between(library: Site) -> None:
    passes(library.manage("test", "--keepdb"))
    library.add_text("0005_step", MORE)
    assert "Ran 6 tests" in passes(library.manage("test", "--keepdb", "--verbosity", "2"))
    library.database["NAME"] = f"test_{library.database['NAME']}"
    assert "[X] 0005_step" in library.manage("showmigrations", "shop").stdout


MORE = """from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0004_step")]
    operations = [
        migrations.AddIndex("book", models.Index(fields=["title", "pages"], name="both")),
        migrations.AlterField("author", "name", models.CharField(max_length=30, unique=True)),
    ]
"""


def test_parallel(library: Site, left_behind: Callable[[], list[str]]) -> None:
    done = passes(library.manage("test", "--parallel", "2", "--keepdb"))
    assert "Ran 6 tests" in done
    assert left_behind() == ["", "_1", "_2"]


def test_pytest_reuse_db(library: Site, left_behind: Callable[[], list[str]]) -> None:
    for _ in range(2):
        assert "6 passed" in passes(project.pytest(library, "--reuse-db"))
        assert left_behind() == [""]


def test_pytest_xdist(library: Site, left_behind: Callable[[], list[str]]) -> None:
    assert "6 passed" in passes(project.pytest(library, "-n", "2", "--reuse-db"))
    assert left_behind() == ["_gw0", "_gw1"]


def test_test_database_without_migrations(library: Site) -> None:
    library.database["TEST"] = {"MIGRATE": False}
    assert "Ran 6 tests" in passes(library.manage("test"))


def test_migrations_disabled_for_an_app(library: Site) -> None:
    library.settings["MIGRATION_MODULES"] = {"shop": None}
    assert "Ran 6 tests" in passes(library.manage("test"))


# Beside stock Django


@pytest.fixture
def twin(library: Site, stock_database: BaseDatabaseWrapper) -> Callable[..., None]:
    """twin(*arguments): a command of the project once more, with Django's own engine on `stock_database`."""

    def manage(*arguments: str) -> None:
        ours = dict(library.database)
        library.database.update(ENGINE=settings.STOCK_ENGINE, NAME=stock_database.settings_dict["NAME"])
        try:
            passes(library.manage(*arguments))
        finally:
            library.database.update(ours)

    return manage


@pytest.mark.parametrize("modules", [{}, {"shop": None}], ids=["migrations", "disabled migrations"])
def test_apps_without_migrations_get_stocks_tables(
    library: Site,
    twin: Callable[..., None],
    modules: dict[str, None],
    database: BaseDatabaseWrapper,
    stock_database: BaseDatabaseWrapper,
    dump: Callable[..., str],
) -> None:
    library.settings["MIGRATION_MODULES"] = modules
    passes(library.manage("migrate", "--run-syncdb"))
    twin("migrate", "--run-syncdb")
    assert "notes_note" in dump(database)
    assert dump(database) == dump(stock_database)


def test_migrate_zero_and_back(
    library: Site,
    twin: Callable[..., None],
    database: BaseDatabaseWrapper,
    stock_database: BaseDatabaseWrapper,
    dump: Callable[..., str],
) -> None:
    library.migrate()
    library.migrate("shop", "zero")
    assert "shop_" not in dump(database)
    library.migrate()
    twin("migrate")
    assert dump(database) == dump(stock_database)
