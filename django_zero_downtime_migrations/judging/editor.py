"""The schema editor of ``check_migrations``: ``migrate``'s own, which plans everything and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db.utils import InterfaceError, OperationalError

from ..catalog.planned import PlannedCatalog
from ..catalog.projection import Projection
from ..catalog.protocol import Catalog
from ..ddl import statements as s
from ..ddl.raw_sql import meaning
from ..django_types import Connection
from ..findings import Finding
from ..migrate_run.judge_whole_plan import Unsent
from ..naming import Names
from ..operation_facts import reach
from ..places import Place
from ..planning.context import OldCode
from ..planning.kinds import Step
from ..record import Row
from .counted.forecast import Planned, filled
from .without_database.state_only import StateOnly, ahead, forgotten


class Found(Row):
    finding: Finding
    place: Place | None


class Touched(Row):
    """A table in use that a statement locks."""

    table: str
    statement: s.Statement
    place: Place | None


class JudgingMixin:
    """The judgement of a migration. This class precedes an editor of ours.

    :param catalog: makes the catalogue of the tables as they are before the migration.
    :ivar found: the findings, each with its operation.
    :ivar touched: what the statements lock.
    :ivar raw: the user's own SQL.
    :ivar failed: operations that raised an error.
    :ivar live_names: today's names of the tables of findings.
    :ivar worked: the paths of operations that have sent something.
    :ivar forgotten: what is gone from the state after operations that keep state and database apart.
    :ivar ahead: what the state has since such operations.
    :ivar planned: the steps.
    :ivar state_after: the state after the last running operation.
    """

    connection: Connection
    findings: list[Finding]
    hand_plans_to: Callable[[Any], None]
    treat_as_new: Callable[[str], bool]
    names: Names
    _projection: Projection

    def __init__(self, connection: Connection, atomic: bool, catalog: Callable[[], Catalog], old_code: OldCode) -> None:
        parent: Any = super()
        parent.__init__(connection, collect_sql=True, atomic=atomic)
        self._unsent = Unsent()
        self.hand_plans_to(self._unsent)
        self._make_catalog = catalog
        self.old_code = old_code
        self.place: Place | None = None
        self.found: list[Found] = []
        self.touched: list[Touched] = []
        self.raw: list[tuple[s.Raw, Place | None]] = []
        self.failed: list[tuple[Exception, Place]] = []
        self.worked: set[tuple[int, ...]] = set()
        self.live_names: dict[str, str] = {}
        self.forgotten: list[StateOnly] = []
        self.ahead: list[StateOnly] = []
        self.planned: list[Planned] = []
        self.state_after: Any = None
        self._places: dict[str, Place] = {}
        self._next: JudgingMixin | None = None

    def continue_from(self, editor: Any) -> None:
        parent: Any = super()
        parent.continue_from(editor)
        if editor is not None:
            editor._next = self

    def in_the_end(self) -> PlannedCatalog:
        """Return the catalogue as it will be after this migration."""
        parent: Any = super()
        catalog: PlannedCatalog = parent._catalog()
        return catalog

    @property
    def last(self) -> JudgingMixin:
        """Return the editor of the last migration that is judged together with this one."""
        last = self
        while last._next is not None:
            last = last._next
        return last

    def _today(self) -> Catalog:
        return self._make_catalog()

    def _carry_out(self, statements: list[s.Statement], call: Any) -> None:
        parent: Any = super()
        before = len(self.findings)
        new, catalog = self._projection.new_tables, self.in_the_end()
        parent._carry_out(statements, call)
        self.planned += (self._as_planned(step, catalog) for step in self._unsent.taken())
        for statement in statements:
            self._follow(statement, new)
        for finding in self.findings[before:]:
            self.found.append(Found(finding, self._place_of(finding.table)))
            self.live_names[finding.table] = self._projection.live_table(finding.table)

    def _as_planned(self, step: Step, catalog: PlannedCatalog) -> Planned:
        table, found = step.statement.table, filled(step)
        rows = catalog.nulls(*found) if found else None
        return Planned(step, self._place_of(table), self._projection.live_table(table), rows)

    def _follow(self, statement: s.Statement, new: set[str]) -> None:
        if self.place is not None:
            self.worked.add(self.place.path)
            self._places[statement.table] = self.place
        if isinstance(statement, s.Raw):
            self.raw.append((statement, self.place))
            new = new | self._projection.new_tables
        for part in meaning(statement, self.names).statements if isinstance(statement, s.Raw) else (statement,):
            for lock in part.locks():
                if lock.table not in new and not self.treat_as_new(lock.table) and not _only_rows(part):
                    self.touched.append(Touched(lock.table, part, self._place_of(lock.table)))

    def _place_of(self, table: str) -> Place | None:
        """Return the operation of a table: the running one, or at the migration's end the one that deferred it."""
        return self.place or self._places.get(table)


def _only_rows(statement: s.Statement) -> bool:
    """Return whether raw SQL touches rows, and not the table."""
    return isinstance(statement, s.Command) and not statement.takes.blocks_traffic


@cache
def editor_class(kind: type[Any]) -> type[Any]:
    """Return the editor class with the judgement.

    :param kind: the editor class of a connection of ours.
    """
    return type("JudgingEditor", (JudgingMixin, kind), {})


@contextmanager
def at_work(place: Place, app_label: str, schema_editor: Any) -> Iterator[None]:
    """Tell the editor which operation runs; the error of an operation does not stop the others."""
    from_state, to_state = place.from_state, place.to_state
    outer = schema_editor.place
    from_state.reach = to_state.reach = reach(place.operation, from_state, app_label)
    schema_editor.place = place
    try:
        yield
        schema_editor.state_after = to_state
        if hasattr(place.operation, "state_operations"):
            schema_editor.forgotten += forgotten(place, schema_editor.names)
            schema_editor.ahead += ahead(place, schema_editor.names)
    except (OperationalError, InterfaceError):
        # The server does not answer: the following operations cannot be judged either.
        raise
    except Exception as error:
        schema_editor.failed.append((error, place))
    finally:
        schema_editor.place = outer
