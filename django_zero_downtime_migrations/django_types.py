"""Types of Django and of the drivers in our signatures, for mypy.

Nothing is imported while a program runs: modules of a backend of Django's have to be imported in their order, and most
processes of a project need none of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from django.db import migrations, models
    from django.db.backends import ddl_references, utils
    from django.db.backends.base import schema as base_schema
    from django.db.backends.postgresql import base, schema
    from django.db.migrations import loader, state
    from django.db.migrations.operations.base import Operation as _Operation

    #: Of any engine.
    AnyEditor: TypeAlias = base_schema.BaseDatabaseSchemaEditor
    #: Django's wrapper for PostgreSQL, or one that another package has derived from it.
    Connection: TypeAlias = base.DatabaseWrapper
    Constraint: TypeAlias = models.BaseConstraint
    Cursor: TypeAlias = utils.CursorWrapper
    Editor: TypeAlias = schema.DatabaseSchemaEditor
    Field: TypeAlias = models.Field[Any, Any]
    Index: TypeAlias = models.Index
    Migration: TypeAlias = migrations.Migration
    MigrationLoader: TypeAlias = loader.MigrationLoader
    #: The migrations of a run, each forwards or backwards. It is the list that Django goes through.
    Steps: TypeAlias = list[tuple[migrations.Migration, bool]]
    Model: TypeAlias = type[models.Model]
    Operation: TypeAlias = _Operation
    ProjectState: TypeAlias = state.ProjectState
    #: A text that Django's editor executes.
    Sql: TypeAlias = str | ddl_references.Statement
    StateApps: TypeAlias = state.StateApps
else:
    AnyEditor = Connection = Constraint = Cursor = Editor = Field = Index = Migration = MigrationLoader = Any
    Model = Operation = ProjectState = Sql = StateApps = Steps = Any

#: The values that the driver puts into a statement.
Params: TypeAlias = Sequence[Any] | None


class Asked(Protocol):
    """An object that takes a question: a connection of Django's or of the driver's."""

    def cursor(self) -> Any: ...


class Session(Asked, Protocol):
    """A connection of one of the drivers."""

    @property
    def closed(self) -> Any: ...

    def close(self) -> None: ...
