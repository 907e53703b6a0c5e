"""The database that a scenario begins with."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.migrations.state import ProjectState

from tests import databases
from tests.operations.case import APP, fill
from tests.operations.runs import migration

from .project import Faults, Run
from .scenarios.scenario import BEFORE, Scenario

numbers = itertools.count(1)


@contextmanager
def template(scenario: Scenario, faults: Faults, run: Callable[..., Run] | None = None) -> Iterator[str]:
    """Make tables and rows by stock Django, and a record of it by ours.

    :param run: runs ``migrate`` of a scenario without a name by which the project's process knows it.
    """
    run = run or partial(migrate, faults, scenario)
    with databases.fresh_database() as name:
        with closing(databases.open_session(name, autocommit=True)) as session, session.cursor() as cursor:
            if scenario.prepare:
                cursor.execute(scenario.prepare)
        if not scenario.new:
            _fill(scenario, name)
            succeeded(run(name, APP, BEFORE, "--fake"))
        if scenario.first:
            succeeded(run(name, *scenario.first))
        yield name


def migrate(faults: Faults, scenario: Scenario, database: str, *arguments: str, **fault: Any) -> Run:
    """Run a scenario's ``migrate``.

    :param arguments: by default the scenario's own.
    """
    values: dict[str, Any] = {"scenario": scenario.name, "settings": scenario.settings, "options": scenario.options}
    return faults.migrate(database, *(arguments or scenario.arguments), **values, **fault)


def succeeded(run: Run) -> Run:
    assert run.status == 0, run.said
    return run


def _fill(scenario: Scenario, name: str) -> None:
    alias = f"template{next(numbers)}"
    parameters = copy.deepcopy(connections.settings["default"])
    parameters |= {"ENGINE": settings.STOCK_ENGINE, "NAME": name}
    parameters["OPTIONS"] |= scenario.options
    with databases.registered(alias, parameters) as connection:
        before = migration(BEFORE, scenario.case.before)
        with connection.schema_editor() as editor:
            state = before.apply(ProjectState(), editor)
        if scenario.filled:
            fill(state, alias)
        with connection.cursor() as cursor:
            for sql in scenario.case.data:
                cursor.execute(sql, None)
