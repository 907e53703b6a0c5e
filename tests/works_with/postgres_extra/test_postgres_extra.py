"""django-postgres-extra on us, which makes its editor and introspection out of ours; with its partitioned models."""

from __future__ import annotations

import pytest

from tests.works_with.history import Compare, Run, same_history
from tests.works_with.project import Project

ROWS = """
INSERT INTO archive_item (name, titles) VALUES ('a', 'en=>1'), ('b', 'en=>2,de=>3');
INSERT INTO archive_event (day, text, number) VALUES
    ('2023-05-05', 'x', 5), ('2024-05-05', NULL, NULL), ('2025-05-05', 'y', NULL);
INSERT INTO archive_sale (region) VALUES ('n'), ('nw');
INSERT INTO archive_part (key) SELECT generate_series(1, 20);
"""


@pytest.fixture
def in_use(both: Run, ours: Project, stock: Project) -> None:
    both("migrate", "archive", "0001")
    for project in (ours, stock):
        project.sql(ROWS)


def test_history_is_that_of_the_package_alone(ours: Project, stock: Project, both: Run, compare: Compare) -> None:
    same_history(ours, stock, both, compare)


def test_history_of_its_own_models_is_that_of_the_package_alone(
    in_use: None, ours: Project, both: Run, compare: Compare
) -> None:
    compare()
    both("migrate", "archive", "0002")
    compare()
    both("migrate", "archive", "0003")
    compare()
    ours.allow_unsafe()
    both("migrate", "archive")
    compare()
    both("migrate", "archive", "zero")
    compare()


def test_history_of_its_own_models_on_an_empty_database(both: Run, compare: Compare) -> None:
    both("migrate", "archive")
    compare()


def test_indexes_of_its_own_kinds_are_built_concurrently(in_use: None, ours: Project) -> None:
    script = ours.manage("sqlmigrate", "archive", "0002")
    for name in ("item_name_id", "item_name_ci", "item_name_if"):
        assert f'CREATE UNIQUE INDEX CONCURRENTLY "{name}"' in script
