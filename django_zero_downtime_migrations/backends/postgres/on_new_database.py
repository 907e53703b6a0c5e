"""The schema editor of a run that began on an empty database, where most calls are not planned.

Nothing that plans is imported for it: that is most of the package, and takes longer than a migration. When a call has
to be planned, or something is asked for that only the editor which plans has, it becomes that one, with all that it
knows. If a project has imported the class of that one, to extend, change or compare it, there is no other.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakSet

from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor

from ...ddl.template import wrap_templates
from ...django_types import Connection, Model, Params, Sql
from ...migrate_run.progress import Call
from ...migrate_run.run import run_of
from ...naming import Names
from ...settings import IN_AN_EDITOR
from .calls import Calls
from .foreign_key_names import NamesForeignKeys
from .of_migration import OfMigration
from .passing_on import PassingOn

#: The module of the editor that plans.
PLANS = f"{__package__}.schema"
_open: WeakSet[Any] = WeakSet()


def is_for(connection: Connection) -> bool:
    """Whether a connection whose editor is ours has this one now."""
    return PLANS not in sys.modules and run_of(connection).began_with_nothing


class NewDatabaseSchemaEditor(NamesForeignKeys, Calls, PassingOn, OfMigration, PostgresSchemaEditor):
    """Plans nothing, until it has to."""

    connection: Any
    names: Names

    def __init__(self, connection: Connection, collect_sql: bool = False, atomic: bool = True) -> None:
        _open.add(self)
        super().__init__(connection, collect_sql, atomic)

    def become_planning(self) -> None:
        """Become the editor that plans, with all that this one knows."""
        from .schema import DatabaseSchemaEditor

        if self not in _open:
            # The import has done it.
            return
        _open.discard(self)
        self.__class__ = DatabaseSchemaEditor  # type: ignore[assignment]
        for name in IN_AN_EDITOR:
            if name in vars(self):
                # The code of a RunPython has set it, and the other class has a descriptor there.
                setattr(self, name, vars(self)[name])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.become_planning()
        return getattr(self, name)

    def _planning(
        self, what: str, model: Model | None = None, made: object = None, alone: bool = False
    ) -> AbstractContextManager[Call]:
        if self._may_pass_on(what, alone):
            return super()._planning(what, model, made)
        self.become_planning()
        return self._planning(what, model, made, alone)

    def execute(self, sql: Sql, params: Params = ()) -> None:
        if self._passed is None:
            self.become_planning()
            self.execute(sql, params)
        else:
            super().execute(sql, params)


wrap_templates(NewDatabaseSchemaEditor)


def become_planning() -> None:
    """The class of the editor that plans has been imported."""
    for editor in list(_open):
        editor.become_planning()
