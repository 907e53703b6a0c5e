"""The part of the schema editor for the halves of an operation that stand in a history: Expand and Contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...ddl import statements as s
from ...django_types import MigrationLoader, Operation, ProjectState
from ...errors import CannotMigrate, MigrationError
from ...log import logger
from ...migrate_run.migration_at_work import Own, migration_at_work, own_operation_at_work
from ...printable import printable
from .expanding_again import ExpandingAgain

if TYPE_CHECKING:
    from ...execution.owed.debts import Debt, Debts
    from ...migrate_run.contraction import Contraction, Looked
    from ...migrate_run.halves import Expansion


class Halves(ExpandingAgain):
    """The methods for these halves. This class precedes the recording ones."""

    collected_sql: list[str]
    nothing_in_use: bool
    with_settings: Callable[..., Any]
    _assured: str

    # Expand

    @contextmanager
    def expanding(self, operation: Operation, part: int, before: ProjectState) -> Iterator[None]:
        """Switch EXPAND_CONTRACT on while an operation inside an Expand runs. If the Expand stands in another one, such
        as SafetyAssured, it runs as a plain one.

        :param part: its place in the Expand.
        :param before: the state before it.
        """
        own = None if self._assured else own_operation_at_work()
        if own is None or getattr(own.operation, "half", "") != "expand":
            yield
            return
        with self._as_half(own._replace(operation=operation, part=part, before=before)):
            yield

    @contextmanager
    def _as_half(self, own: Own) -> Iterator[None]:
        self._half, self._only_here = own, not self.settings.expand_contract
        try:
            with self.with_settings(expand_contract=True):
                yield
        finally:
            self._half = None

    # Contract

    @contextmanager
    def contracting(self) -> Iterator[None]:
        """Have the operations drop what they left. They skip what is gone already, with or without a journal."""
        self.is_contracting = True
        try:
            with self.with_settings(idempotent_sql=True):
                yield
        finally:
            self.is_contracting = False

    def pay(self, contract: Operation, operation: Operation) -> None:
        """Drop what the Expand of an operation has left, if no old code is seen.

        :param contract: the Contract that runs.
        :param operation: the operation inside it.
        """
        if self.nothing_in_use:
            return
        expansion = self._expansion(contract, operation)
        debts = self._debts()
        if debts is None:
            from ...migrate_run.halves import states

            self._let_go(expansion.operation, expansion.whose.app, *states(self._files, expansion.whose))
            return
        debt, goes_on = self._to_pay(expansion, debts)
        if debt is None:
            self._comment(f"{expansion.whose} has left nothing here, or it is gone.")
            return
        from ...migrate_run.contraction import Contraction

        contraction = Contraction(self.connection)
        [looked] = contraction.look([debt], write=False, by_contract=True)
        if goes_on or self._is_due(looked):
            self._pay(contraction, looked, debts)

    def _to_pay(self, expansion: Expansion, debts: Debts) -> tuple[Debt | None, bool]:
        """Return the debt, and whether an earlier run of this migration has begun to pay it."""
        if str(expansion.whose) in self._projection.owed:
            # The Expand is only planned, so there is no evidence yet that old code is gone.
            return None, False
        begun = next((x for x in debts.being_paid() if x.whose == expansion.whose), None)
        known = self._known_debts(asks=True)
        if begun is not None and begun not in known:
            # The column's trigger is dropped along with the debt.
            self.migrate_run.debts = [*known, begun]
        return next((x for x in known if x.whose == expansion.whose), begun), begun is not None

    def _is_due(self, looked: Looked) -> bool:
        """Return whether the debt is paid now; a script is always written, since it may be run at another time."""
        if not looked.reasons or self._assured:
            return True
        why = printable("; ".join(looked.reasons))
        if self.migrate_run.plan is None and self.collect_sql:
            self._comment(f"Run it when no old code uses {looked.debt.what}. Today: {why}.")
            return True
        if not self._reader.is_silent:
            self._say_owed(looked, why)
        return False

    def _pay(self, contraction: Contraction, looked: Looked, debts: Debts) -> None:
        debt = looked.debt
        try:
            planned = contraction.planned(looked)
        except MigrationError as error:
            # The migration does not depend on the payment.
            self._say_owed(looked, printable(str(error).strip()))
            return
        common = {"table": debt.tables[0], "owed_by": debt.id}
        if self.migrate_run.plan is not None:
            with self._planning("begin_contract", made=debt.id):
                self._record(s.BeginToPay(sql=debts.paying(debt.whose), **common))
        if planned is not None:
            operation, before, after = planned
            self._let_go(operation, debt.whose.app, before, after)
        with self._planning("end_contract", made=debt.id):
            self._record(s.OweNoMore(sql=debts.forgiving(debt.whose), **common))

    def _let_go(self, operation: Operation, app_label: str, before: ProjectState, after: ProjectState) -> None:
        with self.contracting():
            editor: Any = self
            operation.database_forwards(app_label, editor, before, after)

    def _say_owed(self, looked: Looked, why: str) -> None:
        if not self.collect_sql:
            text = (
                "%s: %s is owed still (%s). Its Contract is recorded: the next migrate or manage.py contract drops it."
            )
            logger.warning(text, looked.debt.id, looked.debt.what, why)

    def _comment(self, text: str) -> None:
        if self.collect_sql and not self._reader.is_silent:
            self.collected_sql.append(f"-- {text}")

    # Contract, taken back

    def expand_again(self, contract: Operation, operation: Operation) -> None:
        """Make again what old code needs, if its Contract has dropped it.

        :param contract: the Contract that is taken back.
        :param operation: the operation inside it.
        """
        if self.nothing_in_use or self._is_offline or self._assured or self.settings.old_code == "absent":
            return
        expansion = self._expansion(contract, operation)
        left = self._projection.owed.get(str(expansion.whose))
        if left is not None or any(x.whose == expansion.whose for x in self._known_debts(asks=True)):
            return
        from ...migrate_run.halves import states

        before, after = states(self._files, expansion.whose)
        whose = expansion.whose
        own = Own(expansion.operation, whose.app, whose.migration, whose.operation, False, before, whose.part)
        with self._as_half(own):
            self._expand_again(own, before, after)

    # The file

    @cached_property
    def _files(self) -> MigrationLoader:
        """The migration files, including replaced ones: a debt is known by the migration that ran."""
        from django.db.migrations.loader import MigrationLoader

        return MigrationLoader(None, ignore_no_migrations=True, replace_migrations=False)

    def _expansion(self, contract: Operation, operation: Operation) -> Expansion:
        """Return the expansion that an operation of a Contract belongs to.

        :raises CannotMigrate: when no Expand of the same operation comes before the Contract.
        """
        from ...migrate_run.halves import expansion_of

        key = migration_at_work()
        there = key is not None and key in self._files.graph.nodes
        found = expansion_of(self._files, key, contract, operation) if key is not None and there else None
        if found is None:
            raise CannotMigrate(
                f"{'.'.join(key or ())}: Contract of {operation.describe()!r} has no Expand of the same operation "
                "before it in its app. Write the operation as it stands in the Expand, or let manage.py make_contract "
                "write it. Nothing was sent."
            )
        return found
