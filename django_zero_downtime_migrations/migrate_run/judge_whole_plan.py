"""The judgement of all migrations that ``migrate`` is about to run, before the first statement of the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db.migrations.executor import MigrationExecutor

from ..django_types import Connection, Editor, Migration, MigrationLoader, ProjectState, Steps
from ..errors import CannotMigrate, MigrationError
from ..execution.journal.call_under_way import CallUnderWay
from ..execution.reader import SendsNothing
from ..execution.session.pooler import ALONE, refuse_transaction_pooler
from ..execution.session.timeouts import session
from ..findings import Finding, Severity
from ..log import logger
from ..operation_facts import reach
from ..places import Place, watched
from ..planning.kinds import Step
from ..planning.steps import Plan
from ..states.judged_state import applied_state
from .progress import AlreadyBegun
from .refusals import Problem, problem, refused

Names = frozenset[tuple[str, str]]


def refusal(connection: Connection, plan: Steps, interrupted: Names) -> MigrationError | None:
    """Return the error for which a run of this plan is refused; None if nothing speaks against it.

    :param interrupted: migrations, by app and name, that were judged when they began.
    """
    judgement = Judgement(connection)
    try:
        judgement.judge(plan, interrupted)
    except Exception as error:  # an operation of the user's own may do anything
        logger.warning("The plan could not be judged as a whole (%r); each call is judged when it is reached.", error)
    return refused(judgement.problems) if judgement.problems else None


class Unsent(SendsNothing):
    """A ``execution.reader.Reader`` that only looks at plans."""

    is_silent = True

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def run(self, plan: Plan, call: CallUnderWay | None = None) -> None:
        self.steps += plan.steps

    def taken(self) -> list[Step]:
        """Return the steps since the last call."""
        steps, self.steps = self.steps, []
        return steps


class Judgement:
    """The problems of a plan's migrations, which include what the rules refuse with RAISE_FOR_UNSAFE."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.problems: list[Problem] = []
        #: Steps that may not go through a transaction pooler.
        self._alone: list[tuple[Any, Place | None, str]] = []
        self._migration: Any = None
        self._editor: Any = None
        self._unsent = Unsent()
        #: How many findings of the editor have been looked at.
        self._seen = 0

    def judge(self, plan: Steps, interrupted: Names = frozenset()) -> None:
        """Go through migrations that have not run, each as if the ones before it had run.

        :param plan: (migration, backwards) pairs, as from Django's executor.
        :param interrupted: migrations, by app and name, that were judged when they began.
        """
        executor: Any = MigrationExecutor(self.connection)
        state = applied_state(executor)
        backwards = {(migration.app_label, migration.name): way for migration, way in plan}
        with ExitStack() as watching:

            def open_editor(migration: Migration) -> Any:
                name = (migration.app_label, migration.name)
                method = "database_backwards" if backwards[name] else "database_forwards"
                watching.enter_context(watched(migration, self._at_work, method))
                return self._open(migration, name in interrupted)

            try:
                for _ in planned(plan, state, executor.loader, open_editor):
                    watching.close()
                    self._look(None)
            except CannotMigrate as error:
                # An operation's own error is caught there; this comes from what Django defers to the migration's end.
                self._add(None, error)
        if self._alone and not self.problems:
            self._ask_pooler()

    def _open(self, migration: Migration, interrupted: bool) -> Any:
        self._migration, self._seen = migration, 0
        self._editor = self.connection.schema_editor(collect_sql=True, atomic=migration.atomic)
        self._unsent = Unsent()
        self._editor.hand_plans_to(self._unsent, AlreadyBegun() if interrupted else None)
        return self._editor

    @contextmanager
    def _at_work(self, place: Place, app_label: str, editor: Editor) -> Iterator[None]:
        from_state, to_state = place.from_state, place.to_state
        from_state.reach = to_state.reach = reach(place.operation, from_state, app_label)
        try:
            yield
        except CannotMigrate as error:
            self._add(place, error)
        self._look(place)

    def _look(self, place: Place | None) -> None:
        """Look at what has come since the last look.

        :param place: the place of its operation; None at the end of a migration.
        """
        findings = self._editor.enforced
        new, self._seen = findings[self._seen :], len(findings)
        for finding in new:
            if finding.severity is Severity.REFUSE and not finding.assured:
                self._add(place, finding.named(origin=finding.origin.named(migration=self._migration.name)))
        steps = self._unsent.taken()
        self._alone += [(self._migration, place, step.sql) for step in steps if step.needs_session]

    def _add(self, place: Place | None, what: Finding | CannotMigrate) -> None:
        self.problems.append(problem(self._migration, place, what))

    def _ask_pooler(self) -> None:
        try:
            what = "; ".join(sql for _, _, sql in self._alone)
            refuse_transaction_pooler(self.connection, session(self.connection), ALONE, what)
        except CannotMigrate as error:
            self.problems.append(problem(*self._alone[0][:2], error))


def planned(
    plan: Steps, state: ProjectState, loader: MigrationLoader, open_editor: Callable[[Any], Any]
) -> Iterator[tuple[Any, Any]]:
    """Yield each migration, and the collecting editor through which it has gone.

    :param state: the project's before the first one; it is changed.
    :param open_editor: returns a collecting editor of ours for a migration.
    """
    before: Any = None
    for migration, backwards in plan:
        editor = open_editor(migration)
        with editor:
            editor.continue_from(before)
            if backwards:
                state = loader.project_state((migration.app_label, migration.name), at_end=False)
                migration.unapply(state, editor, collect_sql=True)
            else:
                state = migration.apply(state, editor, collect_sql=True)
        before = editor
        yield migration, editor
