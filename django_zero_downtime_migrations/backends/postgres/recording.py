"""The middle of the schema editor: a call's recorded statements become a plan, which is run or written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from django.db.backends.ddl_references import Statement as DjangoStatement

from ...catalog.changes import apply
from ...catalog.planned import PlannedCatalog
from ...catalog.projection import Projection
from ...catalog.protocol import Catalog
from ...catalog.server import ServerCatalog
from ...compat import deferred_params
from ...ddl import statements as s
from ...ddl.read import read
from ...django_types import Model, Sql
from ...execution.failures.violating_rows import rows_where
from ...execution.reader import Reader
from ...findings import Finding, Origin
from ...migrate_run.migration_at_work import is_taken_back, migration_at_work
from ...migrate_run.progress import Call, NothingDone
from ...migrate_run.run import MigrateRun
from ...migrate_run.verdicts import report
from ...planning.context import Context, OldCode
from ...planning.order import made_first
from ...planning.planner import PLAIN, Planner
from ...server import capabilities
from .calls import Calls
from .changed_rows import ChangedRows
from .early_indexes import RENAMES
from .foreign_key_names import NamesForeignKeys
from .introspection import projecting
from .old_names import statements
from .passing_on import PassingOn
from .replaced import REMOVING, Replaced, Waiting, still_there
from .replacing_fields import ReplacingFields


class Recording(ReplacingFields, ChangedRows, NamesForeignKeys, Calls, PassingOn):
    """The recording of calls. This class precedes any PostgreSQL schema editor; :mod:`.schema` has its state."""

    migrate_run: MigrateRun
    quote_value: Any
    findings: list[Finding]
    enforced: list[Finding]
    old_code: OldCode | None
    resume: NothingDone
    is_executing: bool
    _call: Call
    _recorded: list[s.Statement] | None
    _recording: Projection
    _replaced: Replaced
    _reader: Reader
    _operation: int | None
    _assured: str
    _migration: tuple[str, str] | None

    @cached_property
    def _projection(self) -> Projection:  # type: ignore[override]
        return Projection()

    @cached_property
    def _origin(self) -> Origin:
        return Origin()

    # The recording of a call

    @contextmanager
    def _planning(self, what: str, model: Any = None, made: Any = None, alone: bool = False) -> Iterator[Call]:
        """Record the statements of a call, then plan and carry them out.

        :param alone: it sends what cannot stand in a transaction.
        """
        if self._recorded is not None:
            yield self._call
            return
        if self._may_pass_on(what, alone):
            with super()._planning(what, model, made) as call:
                yield call
            return
        self._recorded = []
        self._origin = self._origin_of(model, made if model is not None else None)
        self._call = self.resume.call(what, model, made)
        self._recording = self._early.hide_early_indexes(self._projection.copy())
        try:
            with projecting(self.connection).showing(self._recording, self._call.past):
                yield self._call
            recorded = self._recorded
        finally:
            self._recorded = None
        self._planned(what, recorded, made)
        self._flush_deferred_sql()

    def _planned(self, what: str, recorded: list[s.Statement], made: Any) -> None:
        before = self._replaced.come()
        if self._call.past:
            self._go_on([*before.statements, *recorded], self._call)
            return
        if self._waits(what, Waiting((*before.statements, *recorded), (*before.keys, self._call.key)), made):
            return
        drops = list(before.statements)
        if drops and self.settings.idempotent_sql and not self.collect_sql:
            drops = still_there(drops, self._catalog())
        if drops or recorded:
            self._call.waited = before.keys
            self._carry_out(made_first(drops, recorded, self.names), self._call)

    def _waits(self, what: str, removal: Waiting, made: Any) -> bool:
        """Return whether what a call removes comes with what replaces it."""
        if what not in REMOVING or not removal.statements or self._own.of_caller:
            return False
        if not all(self._in_use(x.table) for x in removal.statements):
            return False
        return self._replaced.waits(what, removal, made, quiet=self.collect_sql)

    def _origin_of(self, model: Model | None, field: Any) -> Origin:
        meta = getattr(model, "_meta", None)
        name = getattr(field, "name", "") or ""
        return Origin(
            app=getattr(meta, "app_label", "") or "",
            model=getattr(meta, "object_name", "") or "",
            field=name if isinstance(name, str) else "",
            operation=self._operation,
        )

    def execute(self, sql: Sql, params: s.Params = ()) -> None:
        if self._passed is not None:
            super().execute(sql, params)
            return
        self.is_executing, before = True, self.is_executing
        try:
            for statement in self._statements(sql):
                with self._planning("execute", None, statement):
                    self._record(read(statement, params, self.names))
        finally:
            self.is_executing = before

    def _statements(self, sql: Any) -> list[Any]:
        return statements(sql)

    def _record(self, statement: s.Statement) -> None:
        assert self._recorded is not None
        self._recorded.append(statement)
        apply(self._recording, statement)

    def _flush_deferred_sql(self) -> None:
        """Run deferred statements after each call if DEFERRED_SQL is off, as soon as the tables they name exist."""
        if self.settings.deferred_sql:
            return
        catalog = self._catalog()
        ready = [sql for sql in self.deferred_sql if sql is not RENAMES and self._tables_exist(sql, catalog)]
        self.deferred_sql = [sql for sql in self.deferred_sql if not any(sql is x for x in ready)]
        for sql in ready:
            call = self.resume.call("deferred", None, sql)
            statements = [read(sql, deferred_params, self.names)]
            if call.past:
                self._go_on(statements, call)
            else:
                self._carry_out(statements, call)

    def _tables_exist(self, sql: Sql, catalog: PlannedCatalog) -> bool:
        if not isinstance(sql, DjangoStatement):
            return True
        names = {self.names.spelled(str(sql.parts[x])) for x in ("table", "to_table") if x in sql.parts}
        return all(self._projection.is_new(table) or catalog.exists(table) for table in names)

    # The plan of a call

    def _catalog(self) -> PlannedCatalog:
        return PlannedCatalog(self._today(), self._projection)

    def _today(self) -> Catalog:
        """Return the catalogue of the database as it is."""
        return ServerCatalog(self.connection)

    def continue_from(self, editor: Recording | None) -> None:
        """Take what another collecting editor has planned as done.

        :param editor: the editor of the migration before.
        """
        if editor is not None:
            self._projection = editor._projection

    def _in_use(self, table: str) -> bool:
        return super()._in_use(table) and not self._recording.is_new(table)

    def _go_on(self, statements: list[s.Statement], call: Call) -> None:
        """Go on with a call that an earlier run has begun.

        :param statements: the statements of the call, which that run has planned.
        """
        self.resume.go_on(call, self._reader)
        for statement in statements if self.collect_sql else ():
            apply(self._projection, statement)
        self._remember(statements)

    def _planner(self) -> Planner:
        if self.nothing_in_use:
            return PLAIN
        # Imported here: most processes of a project migrate nothing, and a new database needs none of them.
        from ...rewrites import REWRITES, SPLITS
        from ...rules import CHECKS

        return Planner(REWRITES, SPLITS, CHECKS)

    def _carry_out(self, statements: list[s.Statement], call: Call) -> None:
        self._refuse_taken_names(statements)
        statements = self._with_what_goes_along(statements)
        context = Context(
            catalog=self._catalog(),
            capabilities=capabilities(self.connection),
            settings=self.settings,
            templates=lambda name: getattr(self, name),
            quote_value=self.quote_value,
            is_new=self.treat_as_new,
            nothing_in_use=self.nothing_in_use,
            in_transaction=self._own.of_caller,
            origin=self._origin,
            old_types=self._old_types,
            # What is dropped then is what no old code is seen to use.
            old_code=None if self.is_contracting else self.old_code,
            no_old_code=self._no_old_code,
            own_triggers=self._own_triggers,
            assured=self._assured,
            start=self._projection.copy() if self._reader.is_silent else Projection(),
            backwards=is_taken_back(),
            rows_where=lambda *asked: rows_where(self.connection, self.settings, *asked),
            # An editor that a RunPython has opened has no operation of its own.
            migration=self._migration or migration_at_work() or ("", ""),
        )
        made = self._planner().plan(statements, context)
        self.findings += made.findings
        self.enforced += made.findings if self.settings.raise_for_unsafe else ()
        if not self._reader.is_silent:
            report(made.findings, self.settings.raise_for_unsafe and not self.collect_sql, quiet=self.collect_sql)
        self.resume.run(call, self._reader, made)
        if any(isinstance(statement, s.Raw) for statement in statements) and not self.collect_sql:
            # The effects of raw SQL, if it could be read, are in the projection alone.
            self.migrate_run.made(*context.projection.new_tables)
            self.migrate_run.dropped(*context.projection.dropped_tables)
        self._projection = context.projection if self.collect_sql else Projection()
        self._remember(statements)

    def _remember(self, statements: list[s.Statement]) -> None:
        for statement in statements:
            if self._early.follow(statement) and RENAMES not in self.deferred_sql:
                self.deferred_sql.append(RENAMES)
            if self.collect_sql:
                continue
            if isinstance(statement, s.CreateTable):
                if not self._reader.was_there(statement.table):
                    self.migrate_run.made(statement.table)
            elif isinstance(statement, s.DropTable):
                self.migrate_run.dropped(statement.table)
            elif isinstance(statement, s.RenameTable):
                self.migrate_run.renamed(statement.table, statement.new_table)
            elif isinstance(statement, (s.AddColumn, s.RenameColumn)):
                self.migrate_run.made_column(statement)
            elif isinstance(statement, (s.Owe, s.OweNoMore)):
                self._known_debts()
                self.migrate_run.owes(statement)
