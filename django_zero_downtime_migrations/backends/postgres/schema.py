"""The seam to Django: calls of the schema editor become plans."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import getattr_static
from types import TracebackType
from typing import Any

from django.db.backends.ddl_references import Statement as DjangoStatement
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor
from django.db.models import BaseConstraint, Index

from ... import rewrites, rules
from ...catalog import Catalog
from ...compat import deferred_params
from ...ddl import statements as s
from ...ddl.read import read
from ...ddl.template import SQL, wrap_templates
from ...errors import CannotMigrate, Unsafe, UnsafeOperationException, UnsafeOperationWarning, explain
from ...execution.run import Runner
from ...execution.script import Script
from ...execution.transactions import OwnTransaction
from ...findings import Finding, Origin, Severity
from ...naming import LONGEST
from ...plan import Context
from ...planning import plan
from ...projection import Projection
from ...server import capabilities
from ...settings import MigrationSettings
from .new_tables import end, new_tables

__all__ = [
    "DatabaseSchemaEditor",
    "DatabaseSchemaEditorMixin",
    "Unsafe",
    "UnsafeOperationException",
    "UnsafeOperationWarning",
    "rewrites",
    "rules",
]

logger = logging.getLogger("django_zero_downtime_migrations")
#: Public methods of Django's editor whose statements make one plan.
CALLS = (
    "create_model",
    "delete_model",
    "remove_index",
    "rename_index",
    "remove_constraint",
    "alter_unique_together",
    "alter_index_together",
    "alter_db_table",
    "alter_db_table_comment",
    "alter_db_tablespace",
    "remove_field",
)


def _planned(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self._planning(*args[:2]):
            return getattr(super(DatabaseSchemaEditorMixin, self), name)(*args, **kwargs)

    call.__name__ = name
    return call


class DatabaseSchemaEditorMixin:
    """To be put before any PostgreSQL schema editor.

    While one of :data:`CALLS` runs, ``execute()`` only records. When the outermost returns, what it recorded is
    planned, judged and run (``migrate``), or written down (``sqlmigrate``).
    """

    connection: Any
    collect_sql: bool
    collected_sql: list[str]
    deferred_sql: list[Any]
    _recorded: list[s.Statement] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        wrap_templates(cls)

    def __init__(self, connection: Any, collect_sql: bool = False, atomic: bool = True) -> None:
        self._own = OwnTransaction(connection)
        self.atomic_wanted = atomic
        self._operation: int | None = None
        # Without a transaction of the caller's, Django is told that the editor has none either: it then wraps RunPython
        # alone.
        parent: Any = super()
        parent.__init__(connection, collect_sql, atomic=atomic and self._own.of_caller)
        connection.features.supports_combined_alters = False
        self.settings = MigrationSettings.load(connection.alias)
        self.findings: list[Finding] = []
        self.new_tables = new_tables(connection)
        self._projection = Projection()
        self._assured = ""
        self._column_items: list[str] = []
        self._origin = Origin()
        self._old_types: dict[tuple[str, str], str] = {}
        self._reader: Runner | Script
        if collect_sql:
            self._reader = Script(connection, self.settings, self._own, self.collected_sql, parent.execute)
        else:
            self._reader = Runner(connection, self.settings, self._own, parent.execute)

    # Where an operation begins

    @property
    def atomic_migration(self) -> bool:
        """Django asks this before each operation of a migration: the one moment between two operations that an editor
        can see.
        """
        if self._operation is not None:
            self._operation += 1
            self._reader.between_operations()
        return self._atomic_migration

    @atomic_migration.setter
    def atomic_migration(self, value: bool) -> None:
        self._atomic_migration = value

    def __enter__(self) -> Any:
        parent: Any = super()
        if self.new_tables.refused is not None and not self.collect_sql:
            end(self.connection)
            raise refusal(self.new_tables.refused)
        parent.__enter__()
        self._operation = -1
        # Without its ``with`` block nobody would end the transaction.
        self._own.wanted = (
            self.atomic_wanted and getattr_static(self.connection.features, "can_rollback_ddl") is not False
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        parent: Any = super()
        self._operation = None
        try:
            if kind is None and not self._own.of_caller:
                with self._planning():
                    parent.__exit__(None, None, None)
                    self.deferred_sql = []
            else:
                parent.__exit__(kind, error, traceback)
        except BaseException as failure:
            self._close(type(failure), failure, failure.__traceback__)
            raise
        self._close(kind, error, traceback)

    def _close(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None and not self.collect_sql:
            end(self.connection)
        if isinstance(self._reader, Script):
            self._reader.close()
        self._own.close(kind, error, traceback)
        self._own.wanted = False

    # What a call records

    @contextmanager
    def _planning(self, model: Any = None, field: Any = None) -> Iterator[None]:
        if self._recorded is not None:
            yield
            return
        self._recorded = []
        self._origin = self._origin_of(model, field)
        introspection = self.connection.introspection
        introspection.projection = recording = self._projection.copy()
        self._recording = recording
        try:
            yield
            recorded = self._recorded
        finally:
            self._recorded = None
            introspection.projection = None
        if recorded:
            self._carry_out(recorded)
        if not self.settings.deferred_sql:
            self._flush_deferred_sql()

    def _check_name(self, model: Any, made: Any) -> None:
        """The server cuts a longer name without an error, and two names that begin alike become one."""
        if not isinstance(made, (BaseConstraint, Index)) or len(made.name.encode()) <= LONGEST:
            return
        table = self.connection.ops.quote_name(model._meta.db_table)
        if not self.collect_sql and not self._own.of_caller and not self.treat_as_new(table):
            raise CannotMigrate(
                f"The name {made.name!r} of a {type(made).__name__} of {model._meta.label} has "
                f"{len(made.name.encode())} bytes, and PostgreSQL keeps {LONGEST} of them. Give it a shorter name in "
                "the model and in the migration; nothing was changed."
            )

    def _origin_of(self, model: Any, field: Any) -> Origin:
        meta = getattr(model, "_meta", None)
        name = getattr(field, "name", "") or ""
        return Origin(
            app=getattr(meta, "app_label", "") or "",
            model=getattr(meta, "object_name", "") or "",
            field=name if isinstance(name, str) else "",
            operation=self._operation,
        )

    def execute(self, sql: Any, params: Any = ()) -> None:
        with self._planning():
            assert self._recorded is not None
            statement = read(sql, params)
            self._recorded.append(statement)
            self._recording.apply(statement)

    def _iter_column_sql(self, *args: Any, **kwargs: Any) -> Iterator[str]:
        parent: Any = super()
        self._column_items = items = []
        for item in parent._iter_column_sql(*args, **kwargs):
            items.append(item)
            yield item

    def column_sql(self, model: Any, field: Any, include_default: bool = False) -> Any:
        """Django joins the pieces of a column's definition; ours remembers them."""
        parent: Any = super()
        sql, params = parent.column_sql(model, field, include_default)
        if sql is not None and " ".join(self._column_items) == sql:
            sql = SQL.join(self._column_items, " ")
        return sql, params

    def add_index(self, model: Any, index: Any, concurrently: bool = False) -> None:
        parent: Any = super()
        self._check_name(model, index)
        with self._planning(model, index):
            parent.add_index(model, index, concurrently=concurrently)

    def add_constraint(self, model: Any, constraint: Any) -> None:
        parent: Any = super()
        self._check_name(model, constraint)
        with self._planning(model, constraint):
            parent.add_constraint(model, constraint)

    def add_field(self, model: Any, field: Any) -> None:
        """The indexes of a new column are built with it, not at the end of the migration: later operations may rely
        on them.
        """
        parent: Any = super()
        with self._planning(model, field):
            before = list(self.deferred_sql)
            parent.add_field(model, field)
            table = self.connection.ops.quote_name(model._meta.db_table)
            if field.many_to_many or self._own.of_caller or not self._in_use(table):
                return
            for sql in [x for x in self.deferred_sql if not any(x is y for y in before)]:
                self.deferred_sql.remove(sql)
                self.execute(sql, deferred_params)

    def alter_field(self, model: Any, old_field: Any, new_field: Any, strict: bool = False) -> None:
        parent: Any = super()
        with self._planning(model, new_field):
            table = self.connection.ops.quote_name(model._meta.db_table)
            if new_field.column:
                column = self.connection.ops.quote_name(new_field.column)
                self._old_types[table, column] = old_field.db_parameters(self.connection)["type"]
            parent.alter_field(model, old_field, new_field, strict)

    def _flush_deferred_sql(self) -> None:
        """DEFERRED_SQL off: deferred statements run as soon as the tables that they name exist."""
        catalog = Catalog(self.connection, self._projection)
        ready = [sql for sql in self.deferred_sql if self._tables_exist(sql, catalog)]
        if not ready:
            return
        self.deferred_sql = [sql for sql in self.deferred_sql if not any(sql is x for x in ready)]
        statements = [read(sql, deferred_params) for sql in ready]
        self._carry_out(statements)

    def _tables_exist(self, sql: Any, catalog: Catalog) -> bool:
        if not isinstance(sql, DjangoStatement):
            return True
        names = {str(sql.parts[part]) for part in ("table", "to_table") if part in sql.parts}
        return all(table in self._projection.new_tables or catalog.exists(table) for table in names)

    # What becomes of it

    def continue_from(self, editor: DatabaseSchemaEditorMixin | None) -> None:
        """Take what another collecting editor has planned as done. :param editor: that of the migration before."""
        if editor is not None:
            self._projection = editor._projection

    def treat_as_new(self, table: str) -> bool:
        """Whether nobody can be using a table yet. :param table: its quoted name, as in SQL."""
        return table in self.new_tables.tables or self.new_tables.everything(self.connection)

    def _in_use(self, table: str) -> bool:
        return table not in self._recording.new_tables and not self.treat_as_new(table)

    def _carry_out(self, statements: list[s.Statement]) -> None:
        catalog = Catalog(self.connection, self._projection)
        context = Context(
            catalog=catalog,
            capabilities=capabilities(self.connection),
            settings=self.settings,
            templates=lambda name: getattr(self, name),
            is_new=self.treat_as_new,
            in_transaction=self._own.of_caller,
            origin=self._origin,
            old_types=self._old_types,
        )
        made = plan(statements, context)
        self._report(made.findings)
        self._reader.run(made)
        self._projection = context.projection if self.collect_sql else Projection()
        if not self.collect_sql:
            self._remember(statements)

    def _remember(self, statements: list[s.Statement]) -> None:
        for statement in statements:
            if isinstance(statement, s.CreateTable):
                self.new_tables.tables.add(statement.table)
            elif isinstance(statement, s.DropTable):
                self.new_tables.tables.discard(statement.table)
            elif isinstance(statement, s.RenameTable):
                self.new_tables.rename(statement.table, statement.new_table)

    @contextmanager
    def assured(self, reason: str) -> Iterator[None]:
        """The findings of what runs inside are accepted by the migration's author. :param reason: why."""
        before = self._assured, self._operation
        self._assured = reason
        try:
            yield
        finally:
            self._assured, self._operation = before

    def _report(self, findings: tuple[Finding, ...]) -> None:
        """Raise or warn for what is refused; say the rest. A script has its findings as comments."""
        for finding in findings:
            if self._assured:
                finding = finding.accepted(self._assured)
            self.findings.append(finding)
            if self.collect_sql or finding.severity is Severity.NOTE or finding.assured:
                logger.info(
                    "%s: %s%s",
                    finding.code,
                    finding.message,
                    f" (accepted: {finding.assured})" if finding.assured else "",
                )
            elif finding.severity is Severity.REFUSE and self.settings.raise_for_unsafe:
                raise refusal(finding)
            else:
                warnings.warn(UnsafeOperationWarning(str(finding), finding), stacklevel=_outside())


def refusal(finding: Finding) -> UnsafeOperationException:
    """The exception for a finding: its text is the rule's alone, since users map on it; the rest is a note and an
    attribute.
    """
    exception = UnsafeOperationException(finding.text, finding)
    if hasattr(exception, "add_note"):
        explain(exception, finding.details)
    else:
        logger.error("%s: %s", finding.code, finding.details)
    return exception


def _outside() -> int:
    """The stack level, for a warning of the caller's, of the first frame that is not of this package."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in (package, "contextlib"):
        frame, level = frame.f_back, level + 1
    return level


for _name in CALLS:
    setattr(DatabaseSchemaEditorMixin, _name, _planned(_name))


class DatabaseSchemaEditor(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    pass
