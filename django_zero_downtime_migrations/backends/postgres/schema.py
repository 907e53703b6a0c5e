"""The seam to Django: calls of the schema editor become plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from inspect import getattr_static
from types import TracebackType
from typing import Any

from django.db.backends.ddl_references import Statement as DjangoStatement
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor
from django.db.models import NOT_PROVIDED

from ...catalog import Catalog
from ...compat import deferred_params
from ...ddl import statements as s
from ...ddl.read import read
from ...ddl.template import SQL, wrap_templates
from ...errors import CannotMigrate, Unsafe, UnsafeOperationException, UnsafeOperationWarning
from ...execution.forced import forced
from ...execution.run import Runner
from ...execution.script import Script
from ...execution.transactions import OwnTransaction
from ...findings import Finding, Origin
from ...naming import LONGEST
from ...plan import Context, OldCode
from ...planning import plan
from ...projection import Projection
from ...server import capabilities
from ...settings import MigrationSettings
from .early_indexes import EarlyIndexes
from .introspection import projecting
from .new_tables import end, new_tables
from .verdicts import refusal, report

__all__ = [
    "DatabaseSchemaEditor",
    "DatabaseSchemaEditorMixin",
    "Unsafe",
    "UnsafeOperationException",
    "UnsafeOperationWarning",
]

#: Public methods of Django's editor whose statements make one plan.
CALLS = (
    "create_model",
    "delete_model",
    "remove_index",
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
    #: What the code that still runs knows; ``check_migrations`` says so.
    old_code: OldCode | None = None
    _own_triggers = ""  # what the names of those begin with that django-pgtrigger, over us, makes anew

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        wrap_templates(cls)
        cls._own_triggers = "pgtrigger_" if hasattr(cls, "temporarily_drop_trigger") else ""

    def __init__(self, connection: Any, collect_sql: bool = False, atomic: bool = True) -> None:
        self._own = OwnTransaction(connection)
        self.atomic_wanted = atomic
        self._session = ExitStack()
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
        self._early = EarlyIndexes(lambda *name: parent._create_index_name(*name))
        self._reader: Runner | Script
        if collect_sql:
            self._reader = Script(connection, self.settings, self._own, self.collected_sql, parent.execute)
        else:
            shown = (self.new_tables.verbosity, self.new_tables.stream)
            self._reader = Runner(connection, self.settings, self._own, parent.execute, *shown)

    # Where an operation begins

    @property
    def atomic_migration(self) -> bool:
        """Django asks this before each operation of a migration: the one moment between two operations that an editor
        can see.
        """
        if self._operation is not None:
            # Those inside of SafetyAssured have its place.
            self._operation += 0 if self._assured else 1
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
        if self.settings.lock_timeout_force and self.settings.lock_timeout is not None and not self.collect_sql:
            try:
                self._session.enter_context(forced(self.connection, self.settings.lock_timeout))
            except CannotMigrate:
                end(self.connection)
                raise
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
                    for rename in self._early.renames(self._catalog()):
                        self._record(rename)
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
        self._session.close()

    # What a call records

    @contextmanager
    def _planning(self, model: Any = None, field: Any = None) -> Iterator[None]:
        if self._recorded is not None:
            yield
            return
        self._recorded = []
        self._origin = self._origin_of(model, field)
        introspection = projecting(self.connection)
        introspection.projection = self._recording = self._early.hidden_from(self._projection.copy())
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

    def _check_name(self, model: Any, made: Any, name: str | None) -> None:
        """The server cuts a longer name without an error, and two names that begin alike become one."""
        if name is None or len(name.encode()) <= LONGEST:
            return
        table = self.connection.ops.quote_name(model._meta.db_table)
        if not self.collect_sql and not self._own.of_caller and not self.treat_as_new(table):
            raise CannotMigrate(
                f"The name {name!r} of a {type(made).__name__} of {model._meta.label} has {len(name.encode())} bytes, "
                f"and PostgreSQL keeps {LONGEST} of them. Give it a shorter name in the model and in the migration; "
                "nothing was changed."
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
            self._record(read(sql, params))

    def _record(self, statement: s.Statement) -> None:
        assert self._recorded is not None
        self._recorded.append(statement)
        self._recording.apply(statement)

    def _iter_column_sql(
        self, column_db_type: Any, params: Any, model: Any, field: Any, field_db_params: Any, include_default: bool
    ) -> Iterator[str]:
        parent: Any = super()
        self._column_items = items = []
        goes_again = getattr(field, "db_default", NOT_PROVIDED) is NOT_PROVIDED
        for item in parent._iter_column_sql(column_db_type, params, model, field, field_db_params, include_default):
            items.append(SQL(item, s.PYTHON_DEFAULT) if goes_again and item.startswith("DEFAULT ") else item)
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
        self._check_name(model, index, index.name)
        with self._planning(model, index):
            parent.add_index(model, index, concurrently=concurrently)

    def rename_index(self, model: Any, old_index: Any, new_index: Any) -> None:
        parent: Any = super()
        self._check_name(model, new_index, new_index.name)
        with self._planning(model, new_index):
            parent.rename_index(model, old_index, new_index)

    def add_constraint(self, model: Any, constraint: Any) -> None:
        parent: Any = super()
        self._check_name(model, constraint, constraint.name)
        with self._planning(model, constraint):
            parent.add_constraint(model, constraint)

    def add_field(self, model: Any, field: Any) -> None:
        """The indexes of a new column are built with it, not at the end of the migration: later operations may rely
        on them.
        """
        parent: Any = super()
        self._check_name(model, field, field.column)
        with self._planning(model, field):
            before = list(self.deferred_sql)
            parent.add_field(model, field)
            table = self.connection.ops.quote_name(model._meta.db_table)
            if field.many_to_many or self._own.of_caller or not self._in_use(table):
                return
            for sql in [x for x in self.deferred_sql if not any(x is y for y in before)]:
                self.deferred_sql.remove(sql)
                self._early.add(sql)
                self.execute(sql, deferred_params)

    def alter_field(self, model: Any, old_field: Any, new_field: Any, strict: bool = False) -> None:
        parent: Any = super()
        if new_field.column != old_field.column:
            self._check_name(model, new_field, new_field.column)
        with self._planning(model, new_field):
            table = self.connection.ops.quote_name(model._meta.db_table)
            if new_field.column:
                column = self.connection.ops.quote_name(new_field.column)
                self._old_types[table, column] = old_field.db_parameters(self.connection)["type"]
            # Nobody reads the statements of a new table: they may be Django's one ALTER TABLE of several actions.
            features = self.connection.features
            combined = features.supports_combined_alters
            features.supports_combined_alters = combined or not (self._own_triggers or self._in_use(table))
            try:
                parent.alter_field(model, old_field, new_field, strict)
            finally:
                features.supports_combined_alters = combined

    def _flush_deferred_sql(self) -> None:
        """DEFERRED_SQL off: deferred statements run as soon as the tables that they name exist."""
        catalog = self._catalog()
        ready = [sql for sql in self.deferred_sql if self._tables_exist(sql, catalog)]
        if not ready:
            return
        self.deferred_sql = [sql for sql in self.deferred_sql if not any(sql is x for x in ready)]
        self._carry_out([read(sql, deferred_params) for sql in ready])

    def _tables_exist(self, sql: Any, catalog: Catalog) -> bool:
        if not isinstance(sql, DjangoStatement):
            return True
        names = {str(sql.parts[part]) for part in ("table", "to_table") if part in sql.parts}
        return all(table in self._projection.new_tables or catalog.exists(table) for table in names)

    # What becomes of it

    def _catalog(self) -> Catalog:
        return Catalog(self.connection, self._projection)

    def continue_from(self, editor: DatabaseSchemaEditorMixin | None) -> None:
        """Take what another collecting editor has planned as done. :param editor: that of the migration before."""
        if editor is not None:
            self._projection = editor._projection

    def treat_as_new(self, table: str) -> bool:
        """Whether nobody can be using a table yet. :param table: its quoted name, as in SQL."""
        return table in self.new_tables.tables or self.nothing_in_use

    @property
    def nothing_in_use(self) -> bool:
        """Whether this run began on a database without any table."""
        return self.new_tables.everything(self.connection)

    def _in_use(self, table: str) -> bool:
        return table not in self._recording.new_tables and not self.treat_as_new(table)

    def _carry_out(self, statements: list[s.Statement]) -> None:
        if not self.nothing_in_use:
            # Imported here: most processes of a project migrate nothing, and a new database needs none of them.
            from ... import rewrites, rules  # noqa: F401
        context = Context(
            catalog=self._catalog(),
            capabilities=capabilities(self.connection),
            settings=self.settings,
            templates=lambda name: getattr(self, name),
            is_new=self.treat_as_new,
            nothing_in_use=self.nothing_in_use,
            in_transaction=self._own.of_caller,
            origin=self._origin,
            old_types=self._old_types,
            old_code=self.old_code,
            own_triggers=self._own_triggers,
        )
        made = plan(statements, context)
        if self._assured:
            made = made._replace(findings=tuple(x.accepted(self._assured) for x in made.findings))
        self.findings += made.findings
        report(made.findings, self.settings.raise_for_unsafe and not self.collect_sql, quiet=self.collect_sql)
        self._reader.run(made)
        if any(isinstance(statement, s.Raw) for statement in statements) and not self.collect_sql:
            # What is known of it, where it could be read, is in the projection alone.
            self.new_tables.tables |= context.projection.new_tables
            self.new_tables.tables -= context.projection.dropped_tables
        self._projection = context.projection if self.collect_sql else Projection()
        self._remember(statements)

    def _remember(self, statements: list[s.Statement]) -> None:
        for statement in statements:
            self._early.follow(statement)
            if self.collect_sql:
                continue
            if isinstance(statement, s.CreateTable):
                self.new_tables.tables.add(statement.table)
            elif isinstance(statement, s.DropTable):
                self.new_tables.tables.discard(statement.table)
            elif isinstance(statement, s.RenameTable):
                self.new_tables.rename(statement.table, statement.new_table)

    @contextmanager
    def assured(self, reason: str) -> Iterator[None]:
        """The findings of what runs inside are accepted by the migration's author. :param reason: why."""
        before, self._assured = self._assured, reason
        try:
            yield
        finally:
            self._assured = before


for _name in CALLS:
    setattr(DatabaseSchemaEditorMixin, _name, _planned(_name))


class DatabaseSchemaEditor(DatabaseSchemaEditorMixin, PostgresSchemaEditor):
    pass
