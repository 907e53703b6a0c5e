"""A scenario: tables that are in use, and a run of ``migrate`` that changes them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation

from tests.operations.case import APP, Case

BEFORE, CHANGE = "0001_before", "0002_change"


class More(NamedTuple):
    """A migration after the case's own, or of another app.

    :param replaces: the names of the migrations that it squashes.
    """

    name: str
    operations: Sequence[Operation]
    atomic: bool = True
    replaces: tuple[str, ...] = ()
    app: str = APP


class Scenario(NamedTuple):
    """A run to interrupt.

    :param case: the tables and rows before, and the operations of the migration ``CHANGE``.
    :param more: migrations that follow.
    :param arguments: arguments of the ``migrate`` that is interrupted.
    :param first: arguments of a ``migrate`` that has run before.
    :param prepare: SQL before the tables exist.
    :param filled: whether they get rows.
    :param new: no table exists yet: the interrupted run makes them.
    :param settings: ZERO_DOWNTIME_MIGRATIONS.
    :param options: OPTIONS.
    """

    name: str
    case: Case
    more: tuple[More, ...] = ()
    arguments: tuple[str, ...] = (APP,)
    first: tuple[str, ...] = ()
    prepare: str = ""
    filled: bool = True
    new: bool = False
    settings: Mapping[str, Any] = {}
    options: Mapping[str, Any] = {}

    def __str__(self) -> str:
        return self.name

    def migrations(self) -> list[Migration]:
        """Make new migrations: an operation keeps the models that it has seen."""
        made = [More(BEFORE, self.case.before), More(CHANGE, self.case.operations, self.case.atomic), *self.more]
        return [_migration(each, made[:number]) for number, each in enumerate(made)]


def _migration(each: More, made: list[More]) -> Migration:
    earlier = [x.name for x in made if x.app == each.app and x.name not in each.replaces]
    values = {
        "initial": not earlier,
        "operations": copy.deepcopy(each.operations),
        "atomic": each.atomic,
        "dependencies": [(each.app, name) for name in earlier[-1:]],
        "replaces": [(each.app, name) for name in each.replaces],
    }
    migration: Migration = type("Migration", (Migration,), values)(each.name, each.app)
    return migration


def scenario(
    name: str, before: Sequence[Operation], *operations: Operation, data: tuple[str, ...] = (), **more: Any
) -> Scenario:
    """Make a scenario.

    :param more: as in Scenario, or in Case.
    """
    of_the_case = {key: more.pop(key) for key in ("random", "atomic", "reversible") if key in more}
    return Scenario(name, Case(name, before, list(operations), data, **of_the_case), **more)


def of_case(case: Case) -> Scenario:
    return Scenario(case.name, case, settings=case.settings)


def back(there: Scenario) -> Scenario:
    """Return the same migration, taken back."""
    return there._replace(name=f"{there.name}/back", first=(APP,), arguments=(APP, BEFORE))
