"""The migrations go through the editor that ``migrate`` has; what its rules find becomes a report."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from django.db.backends.postgresql.schema import DatabaseSchemaEditor as StockEditor
from django.db.utils import Error

from ..catalog.protocol import Catalog
from ..catalog.records import Size
from ..catalog.server import ServerCatalog
from ..django_types import Connection, Migration, ProjectState
from ..errors import CannotJudge, CannotMigrate
from ..migrate_run.judge_whole_plan import planned
from ..places import location, watched
from ..reporting.report import Entry, Report, Unanalysed, UnusedAssurance
from ..settings import MigrationSettings
from ..states.judged_state import first_state
from . import whole_deployment
from .choice.selection import Key, Selection, one_line
from .counted.forecast import Forecasting
from .counted.sizes import Sizes
from .editor import at_work, editor_class
from .entries import Entries, JudgingOptions, order
from .whole_deployment import Judged
from .without_database.model_catalog import ModelCatalog
from .without_database.offline import in_place_of, offline
from .without_database.tables import Tables


class Judgement:
    """The judgement of the chosen migrations.

    :param connection: the database that is asked; without one, the connection whose settings are used.
    """

    def __init__(self, selection: Selection, connection: Connection, sizes: Sizes, how: JudgingOptions) -> None:
        self.selection = selection
        self.connection = connection
        self.sizes = sizes
        self.how = how
        self.made = Entries(sizes, how, MigrationSettings.load(connection.alias).accept)

    def report(self, database: str) -> Report:
        """Judge the migrations.

        :param database: the report's name for it.
        :raises CannotJudge: when the state of the project cannot be made.
        """
        judged = list(self._judged())
        entries: list[Entry] = []
        unanalysed: list[Unanalysed] = []
        unused: list[UnusedAssurance] = []
        twice = [
            (each, result)
            for each, result in (whole_deployment.changed_before(judged) if self.how.one_deployment else ())
            if not self.how.configuration.ignores(result[1])
        ]
        for each in judged:
            results = [*self.made.results(each), *(result for other, result in twice if other is each)]
            entries += [self.made.entry(each, *result) for result in sorted(results, key=order)]
            unanalysed += self.made.unanalysed(each)
            unused += self.made.unused(each, results)
        forecasting = Forecasting(self.sizes, MigrationSettings.load(self.connection.alias).backfill_load)
        unused += self.made.unused_acceptances([each.migration for each in judged], entries)
        return Report(
            entries=tuple(entries),
            unanalysed=tuple(unanalysed),
            unused_assurances=tuple(unused),
            forecast=tuple(step for each in judged for step in forecasting.of(each.migration, each.editor.planned)),
            migrations=len(judged),
            judged=tuple(f"{each.migration.app_label}.{each.migration.name}" for each in judged),
            not_judged=self.selection.not_judged,
            excluded=self.selection.excluded,
            database=database,
        )

    # The migrations, one by one

    def _judged(self) -> Iterator[Judged]:
        """Yield the judged migrations in the order of their plan."""
        if self.selection.pending:
            found = self._pending()
        elif self.selection.new:
            found = self._changed()
        else:
            found = self._each_alone(self.selection.judged)
        for migration, editor in found:
            if _key(migration) in self.selection.judged:
                yield Judged(migration, editor)

    def _changed(self) -> Iterator[tuple[Any, Any]]:
        """Yield the new ones as one deployment, and each changed one by itself."""
        new = self.selection.new
        made = {_key(x): (x, editor) for x, editor in self._each_alone(self.selection.judged - new)}
        made |= {_key(x): (x, editor) for x, editor in self._deployment() if _key(x) in new}
        yield from (made[_key(x)] for x in self.selection.plan if _key(x) in made)

    def _pending(self) -> Iterator[tuple[Any, Any]]:
        """Yield them as ``migrate`` would run them, on the database as it is."""
        state = first_state(self.selection.loader)
        for migration in self.selection.applied:
            _mutate(migration, state)
        old_code = Tables(state.clone(), StockEditor(self.connection))

        def catalog() -> Catalog:
            return _Sized(self.connection, self.sizes)

        yield from self._through(self.connection, self.selection.plan, state, catalog, old_code)

    def _deployment(self) -> Iterator[tuple[Any, Any]]:
        """Yield the new ones, and their dependents, one after another as if all others were applied and in use, from
        the state alone.
        """
        connection = offline(self.connection)
        state = first_state(self.selection.loader)
        later = _with_dependents(self.selection)
        for migration in self.selection.plan:
            if _key(migration) not in later:
                _mutate(migration, state)
        scribe = connection.SchemaEditorClass(connection, collect_sql=True)
        tables = connection.tables = Tables(state.clone(), scribe)

        def catalog() -> Catalog:
            return ModelCatalog(connection, tables, self.sizes)

        plan = [migration for migration in self.selection.plan if _key(migration) in later]
        with in_place_of(connection):
            yield from self._through(connection, plan, state, catalog, tables)

    def _each_alone(self, judged: Container[Key]) -> Iterator[tuple[Any, Any]]:
        """Yield each as if all before it were applied and in use, from the state alone."""
        connection = offline(self.connection)
        state = first_state(self.selection.loader)
        scribe = connection.SchemaEditorClass(connection, collect_sql=True)
        owners: dict[str, Any] = {}
        with in_place_of(connection):
            for migration in self.selection.plan:
                if _key(migration) not in judged:
                    _mutate(migration, state)
                    continue
                tables = connection.tables = Tables(state.clone(), scribe, owners)

                def catalog(tables: Tables = tables) -> Catalog:
                    return ModelCatalog(connection, tables, self.sizes)

                yield from self._through(connection, [migration], state, catalog, tables)

    def _through(
        self,
        connection: Connection,
        plan: Iterable[Any],
        state: ProjectState,
        catalog: Callable[[], Catalog],
        old_code: Tables,
    ) -> Iterator[tuple[Any, Any]]:
        kind = editor_class(connection.SchemaEditorClass)
        running: list[Any] = []
        with ExitStack() as watching:

            def open_editor(migration: Migration) -> Any:
                running[:] = [migration]
                watching.enter_context(watched(migration, at_work))
                return kind(connection, migration.atomic, catalog, old_code)

            steps = [(migration, False) for migration in plan]
            try:
                for migration, editor in planned(steps, state, self.selection.loader, open_editor):
                    watching.close()
                    yield migration, editor
            except CannotMigrate as error:
                # An operation's own error is a finding; this comes from what Django puts off to the migration's end.
                raise CannotJudge(f"{location(running[0])}: {one_line(error)}") from error
            except Error:
                raise
            except Exception as error:  # an operation may be another package's, and do anything
                raise _no_state(running[0], error) from error


class _Sized(ServerCatalog):
    """The database's own catalogue, with the sizes of the production database if they are given."""

    def __init__(self, connection: Connection, sizes: Sizes) -> None:
        super().__init__(connection)
        self._sizes = sizes

    def size(self, table: str) -> Size:
        return self._sizes.of(table)


def _key(migration: Migration) -> Key:
    return migration.app_label, migration.name


def _with_dependents(selection: Selection) -> set[Key]:
    """Return the new migrations, and the ones of the plan that run after one of them because they depend on it."""
    keys = [_key(migration) for migration in selection.plan]
    first = next(number for number, key in enumerate(keys) if key in selection.new)
    before = selection.loader.graph.forwards_plan
    return {key for key in keys[first:] if not selection.new.isdisjoint(before(key))}


def _mutate(migration: Migration, state: ProjectState) -> None:
    try:
        migration.mutate_state(state, preserve=False)
    except Exception as error:  # an operation may be another package's, and do anything
        raise _no_state(migration, error) from error


def _no_state(migration: Migration, error: Exception) -> CannotJudge:
    where = location(migration)
    what = f"migration {migration.app_label}.{migration.name} cannot be applied to the state before it"
    return CannotJudge(f"{where}: {what}: {type(error).__name__}: {one_line(error)}")
