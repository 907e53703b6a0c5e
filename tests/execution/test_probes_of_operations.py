"""Every query that the planner makes of the operations in tests/operations: its form is known, and where stock Django
has done the same, the probe finds it done.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from django_zero_downtime_migrations.ddl import statements as s
from django_zero_downtime_migrations.execution.already_there.probes import Verdict, probe, question
from django_zero_downtime_migrations.planning.kinds import Step
from tests import databases
from tests.backends.sessions import run
from tests.operations.case import APP, TABLESPACE, Case
from tests.operations.cases import CASES
from tests.operations.runs import connected

pytestmark = [
    pytest.mark.filterwarnings("ignore:'index_together' is deprecated"),
    pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning"),
]
EMPTY = "DROP SCHEMA IF EXISTS other CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public"
#: Queries whose result is there at the end of a migration with one operation, and only there.
MAKES = ("CREATE ", "ADD COLUMN ", "ADD CONSTRAINT ", "DROP COLUMN ", "DROP TABLE ", " RENAME ", "ATTACH PARTITION ")
#: A later operation, or a later step, changes what an earlier one has made.
CHANGED_LATER = {
    "online/volatile_not_null",
    "online/volatile_null",
    "online/volatile_unique",
    "online/volatile_indexed",
    "alter_field/null_to_not_null_and_rename",
    "create_model/circle",
    "create_model/and_changed_at_once",
}


@pytest.fixture(scope="module")
def tablespace(django_db_blocker: Any) -> Iterator[None]:
    """Make a tablespace of the whole server: tests/operations may have made it already."""
    with django_db_blocker.unblock(), closing(databases.open_session(autocommit=True)) as session:
        there = run(session, "SELECT spcname FROM pg_tablespace WHERE spcname = %s", TABLESPACE)
        if not there:
            run(session, "SET allow_in_place_tablespaces = on")
            run(session, f"CREATE TABLESPACE {TABLESPACE} LOCATION ''")
        yield
        if not there:
            run(session, f"DROP TABLESPACE {TABLESPACE}")


@pytest.fixture(scope="module")
def twins(tablespace: None, django_db_blocker: Any) -> Iterator[Callable[[str], BaseDatabaseWrapper]]:
    """Make one database for all cases, by engine."""
    with (
        django_db_blocker.unblock(),
        databases.fresh_database() as name,
        connected(settings.ENGINE, name) as ours,
        connected(settings.STOCK_ENGINE, name) as stock,
    ):
        yield {"ours": ours, "stock": stock}.__getitem__


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest, twins: Callable[[str], BaseDatabaseWrapper]) -> Case:
    """Make the tables before it, empty."""
    made: Case = request.param
    twins("ours").settings_dict["ZERO_DOWNTIME_MIGRATIONS"] = dict(made.settings)
    with twins("stock").cursor() as cursor:
        cursor.execute(EMPTY)
    migration = Migration("0001_initial", APP)
    migration.operations = copy.deepcopy(made.before)
    with twins("stock").schema_editor() as editor:
        migration.apply(ProjectState(), editor)
    with twins("stock").cursor() as cursor:
        for statement in made.data:
            cursor.execute(statement, None)
    return made


def migrate(case: Case, connection: BaseDatabaseWrapper, **options: Any) -> list[Step]:
    """Apply the case's operations; with ``collect_sql`` only plan them. Returns the steps of our planner."""
    migration = Migration("0002_change", APP)
    migration.operations = copy.deepcopy(case.operations)
    migration.atomic = case.atomic
    steps: list[Step] = []
    state = case.state()
    state.apps  # noqa: B018  (rendered, as the executor has it)
    with connection.schema_editor(atomic=case.atomic, **options) as editor:
        if options:
            editor._reader.run = lambda plan: steps.extend(plan.steps)
        migration.apply(state, editor, **options)
    return [step for step in steps if not isinstance(step.statement, s.Raw)]


def queries(step: Step, connection: BaseDatabaseWrapper) -> list[str]:
    return [
        str(query.sql) if query.params is None else connection.ops.compose_sql(str(query.sql), query.params)
        for query in step.queries
    ]


def test_every_query_is_known_and_stocks_result_is_no_other_definition(case, twins):
    steps = migrate(case, twins("ours"), collect_sql=True)
    sent = [queries(step, twins("ours")) for step in steps]
    assert [sql for step in sent for sql in step if not question(sql)] == []
    migrate(case, twins("stock"))
    found = [
        (probe(twins("ours"), sql, step.statement.table, texts[n + 1 :]), sql)
        for step, texts in zip(steps, sent, strict=True)
        for n, sql in enumerate(texts)
    ]
    assert [each for each, sql in found if each.verdict is Verdict.DIFFERS and case.name not in CHANGED_LATER] == []
    if len(case.operations) == 1:
        made = [(each, sql) for each, sql in found if any(word in sql for word in MAKES) and "_zdm_" not in sql]
        # Another column has its name.
        made = [(each, sql) for each, sql in made if not (case.moves_column and " DROP COLUMN " in sql)]
        if case.name in CHANGED_LATER:
            made = [(each, sql) for each, sql in made if " ADD COLUMN " not in sql]
        assert [(each, sql) for each, sql in made if each.verdict is not Verdict.DONE] == []
