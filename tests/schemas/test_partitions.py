"""Partitions in several schemas, among namesakes of what is built on them."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, models
from django.db.migrations import operations as o
from django.db.migrations.state import ProjectState

from tests.backends.project import APP

from . import runs
from .cases import Case
from .situations import OUT_OF_SIGHT, SECOND, Situation

TABLES = """
CREATE TABLE b.log (id bigint NOT NULL, x int NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE b.log_1 PARTITION OF b.log FOR VALUES FROM (0) TO (100);
CREATE TABLE c.log_2 PARTITION OF b.log FOR VALUES FROM (100) TO (200);
CREATE SCHEMA d;
CREATE TABLE d.log_2 PARTITION OF b.log FOR VALUES FROM (200) TO (300);
INSERT INTO b.log SELECT n, n FROM generate_series(0, 290, 10) n;
CREATE TABLE a.decoy (x int);
CREATE INDEX log_x_idx ON a.decoy (x); CREATE INDEX log_1_x_idx ON a.decoy (x);
CREATE INDEX log_2_x_idx ON a.decoy (x); CREATE INDEX log_id_x_uq ON a.decoy (x);
CREATE INDEX log_1_id_x_key ON a.decoy (x); CREATE INDEX log_2_id_x_key ON a.decoy (x);
"""
INDEX = Case("index", lambda table: [o.AddIndex("Log", models.Index(fields=["x"], name="log_x_idx"))])
UNIQUE = Case(
    "unique", lambda table: [o.AddConstraint("Log", models.UniqueConstraint(fields=["id", "x"], name="log_id_x_uq"))]
)
EVERYWHERE = pytest.mark.parametrize("situation", [OUT_OF_SIGHT, SECOND], ids=str)
EACH = pytest.mark.parametrize("case", [INDEX, UNIQUE], ids=str)


def state(situation: Situation) -> ProjectState:
    made = ProjectState()
    fields = [("id", models.BigIntegerField(primary_key=True)), ("x", models.IntegerField())]
    o.CreateModel("Log", fields, {"db_table": situation.table("log")}).state_forwards(APP, made)
    return made


def migrate(connection: Any, case: Case, situation: Situation, direction: str) -> None:
    with connection.schema_editor() as editor:
        getattr(runs.migration_of(case, situation), direction)(state(situation), editor)


@EACH
@EVERYWHERE
def test_same_as_with_stock_django_and_back_to_what_there_was(situation, case, make_database):
    schemas = []
    for engine in (settings.STOCK_ENGINE, settings.ENGINE):
        connection = make_database(situation, engine=engine)
        runs.execute(connection, TABLES)
        before, others = runs.everything(connection), runs.untouched(connection)
        migrate(connection, case, situation, "apply")
        schemas.append([runs.everything(connection)])
    runs.assert_same(*schemas)
    migrate(connection, case, situation, "unapply")
    runs.assert_same([before], [runs.everything(connection)])
    runs.assert_same(others, runs.untouched(connection))


@EVERYWHERE
def test_failed_build_is_taken_back_and_no_namesake_is_touched(situation, make_database):
    connection = make_database(situation)
    runs.execute(connection, TABLES)
    runs.execute(connection, "INSERT INTO b.log VALUES (250, 250)")
    before, others = runs.everything(connection), runs.untouched(connection)
    with pytest.raises(DatabaseError):
        migrate(connection, UNIQUE, situation, "apply")
    runs.assert_same([before], [runs.everything(connection)])
    runs.assert_same(others, runs.untouched(connection))
