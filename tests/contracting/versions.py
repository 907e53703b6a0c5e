"""A project, and the models of each of its releases on one database."""

from __future__ import annotations

import copy
import json
from typing import Any, NamedTuple

from django.db import connections, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.backends.project import APP, Site

#: The types that keep what is owed.
TYPES = "SELECT typname FROM pg_type WHERE typname LIKE 'zero\\_downtime\\_migrations\\_owed%'"
COLUMNS = """
SELECT a.attname FROM pg_attribute a
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


#: A value that cannot be predicted.
UNKNOWN = object()


class Given(NamedTuple):
    """A field ``more`` of the order that gets a value if code leaves it out.

    :param value: the value; UNKNOWN if it cannot be predicted.
    :param other: a value that code writes.
    """

    name: str
    field: models.Field[Any, Any]
    value: object
    other: object
    preserve: bool = True

    def __str__(self) -> str:
        return self.name

    @property
    def attribute(self) -> str:
        return "more_id" if self.field.remote_field else "more"

    def of(self, row: Any) -> object:
        found = getattr(row, self.attribute)
        return bytes(found) if isinstance(found, memoryview) else found


class Project:
    """A project with two versions of its code.

    :ivar states: the state after each migration.
    """

    def __init__(self, site: Site, connection: BaseDatabaseWrapper) -> None:
        self.site = site
        self.settings = site.settings
        self.manage, self.migrate, self.refused = site.manage, site.migrate, site.refused
        self.site_connection = connection
        self.alias = connection.alias
        self.states = [ProjectState()]

    def add(self, *operations: Operation, atomic: bool = True) -> str:
        name = self.site.add(*operations, atomic=atomic)
        state = self.states[-1].clone()
        migration = type("Migration", (migrations.Migration,), {"operations": copy.deepcopy(list(operations))})
        self.states.append(migration(name, APP).mutate_state(state))
        return name

    def model(self, release: int, name: str) -> Any:
        """Return the manager of a model of a release, by number of its last migration."""
        return self.states[release].apps.get_model(APP, name)._default_manager.using(self.alias)

    @property
    def old(self) -> Any:
        """Return managers of the release before the last migration."""
        return lambda name: self.model(-2, name)

    @property
    def new(self) -> Any:
        return lambda name: self.model(-1, name)

    def run(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        with connections[self.alias].cursor() as cursor:
            cursor.execute(sql, params or None)
            return list(cursor.fetchall()) if cursor.description else []

    def disconnect(self) -> None:
        """Close its session, so that commands do not see it."""
        connections[self.alias].close()

    def columns(self, table: str) -> list[str]:
        return [name for (name,) in self.run(COLUMNS, table)]

    def owed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.manage("contract", "--json").stdout)["owed"]
        return found
