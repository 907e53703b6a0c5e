"""The schema editor of ``check_migrations``: the one that ``migrate`` has, which plans everything and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from django.db.migrations.operations.base import Operation
from django.db.utils import InterfaceError, OperationalError

from ..catalog.projection import Projection
from ..catalog.protocol import Catalog
from ..ddl import statements as s
from ..ddl.meaning import meaning
from ..findings import Finding
from ..migrate_run.judge_whole_plan import Unsent
from ..naming import Names
from ..places import Place
from ..planning.context import OldCode
from .states import Reach


class Found(NamedTuple):
    finding: Finding
    place: Place | None


class Touched(NamedTuple):
    """A table in use that a statement locks."""

    table: str
    statement: s.Statement
    place: Place | None


class JudgingMixin:
    """To be put before an editor of ours.

    :param catalog: makes what tells of the tables as they are before the migration.
    :ivar found: the findings with the operation that each is about.
    :ivar touched: what the statements lock.
    :ivar raw: the user's own SQL.
    :ivar failed: operations that raised an error.
    :ivar live_names: what the tables of findings are called today.
    :ivar worked: the paths of operations that have sent something.
    """

    connection: Any
    findings: list[Finding]
    hand_plans_to: Callable[[Any], None]
    treat_as_new: Callable[[str], bool]
    names: Names
    _projection: Projection

    def __init__(self, connection: Any, atomic: bool, catalog: Callable[[], Catalog], old_code: OldCode) -> None:
        parent: Any = super()
        parent.__init__(connection, collect_sql=True, atomic=atomic)
        self.hand_plans_to(Unsent())
        self._make_catalog = catalog
        self.old_code = old_code
        self.place: Place | None = None
        self.found: list[Found] = []
        self.touched: list[Touched] = []
        self.raw: list[tuple[s.Raw, Place | None]] = []
        self.failed: list[tuple[Exception, Place]] = []
        self.worked: set[tuple[int, ...]] = set()
        self.live_names: dict[str, str] = {}
        self._places: dict[str, Place] = {}

    def _today(self) -> Catalog:
        return self._make_catalog()

    def _carry_out(self, statements: list[s.Statement], call: Any) -> None:
        parent: Any = super()
        before = len(self.findings)
        new = self._projection.new_tables
        parent._carry_out(statements, call)
        for statement in statements:
            self._follow(statement, new)
        for finding in self.findings[before:]:
            self.found.append(Found(finding, self._place_of(finding.table)))
            self.live_names[finding.table] = self._projection.live_table(finding.table)

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
        """Statements that Django puts off to the end of the migration belong to the operation that made them."""
        return self.place or self._places.get(table)


def _only_rows(statement: s.Statement) -> bool:
    """Whether raw SQL touches rows, and not the table."""
    return isinstance(statement, s.Command) and not statement.takes.blocks_traffic


#: Operations that look at one model.
OF_ONE_MODEL = (
    "AddConstraint", "AddConstraintNotValid", "AddField", "AddIndex", "AddIndexConcurrently", "AlterConstraint",
    "AlterIndexTogether", "AlterModelManagers", "AlterModelOptions", "AlterModelTable", "AlterModelTableComment",
    "AlterOrderWithRespectTo", "AlterUniqueTogether", "CreateModel", "DeleteModel", "RemoveConstraint", "RemoveField",
    "RemoveIndex", "RemoveIndexConcurrently", "RenameIndex", "RunSQL", "SafetyAssured", "SeparateDatabaseAndState",
    "ValidateConstraint",
)  # fmt: skip


def reach_of(operation: Operation, from_state: Any, to_state: Any, app_label: str) -> Reach:
    """How much of the project an operation looks at. Of one that is not Django's own nobody knows."""
    name, module = type(operation).__name__, type(operation).__module__
    if not module.startswith(("django.db.migrations.", "django.contrib.postgres.", __package__.partition(".")[0])):
        return Reach.EVERYTHING
    if name in OF_ONE_MODEL:
        return Reach.MODEL
    if name not in ("AlterField", "RenameField"):
        return Reach.NEIGHBOURS if name == "RenameModel" else Reach.EVERYTHING
    field: Any = operation
    key = (app_label, field.model_name_lower)
    old = from_state.models.get(key).fields.get(getattr(field, "old_name", field.name))
    # Others can only point to a unique field.
    return Reach.NEIGHBOURS if old is None or old.primary_key or old.unique else Reach.MODEL


@cache
def editor_class(kind: type[Any]) -> type[Any]:
    """:param kind: the editor class of a connection of ours."""
    return type("JudgingEditor", (JudgingMixin, kind), {})


@contextmanager
def at_work(place: Place, app_label: str, schema_editor: Any) -> Iterator[None]:
    """The editor knows which operation is at work; an error of one does not stop the others."""
    from_state, to_state = place.from_state, place.to_state
    outer = schema_editor.place
    from_state.reach = to_state.reach = reach_of(place.operation, from_state, to_state, app_label)
    schema_editor.place = place
    try:
        yield
    except (OperationalError, InterfaceError):
        # The server does not answer: nothing can be said of what comes next either.
        raise
    except Exception as error:
        schema_editor.failed.append((error, place))
    finally:
        schema_editor.place = outer
