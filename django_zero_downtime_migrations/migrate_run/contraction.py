"""The payment of debts: without old code, remains are dropped by the operations that left them, from their files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from ..ddl import statements as s
from ..django_types import Connection, Operation, ProjectState, StateApps
from ..errors import MigrationError
from ..execution.kept import Kept
from ..execution.owed.debts import Debt, Debts
from ..execution.owed.evidence import Server, There, judge, look
from ..naming import Names
from ..server import names_of
from ..settings import MigrationSettings
from ..states.judged_state import applied_state
from . import fills, halves, removals, renames
from .old_writes import counter, remains
from .run import MigrateRun

#: The functions that return an operation's debt, by its class; called with app, models before it and connection.
OWED_BY: Final[dict[str, Callable[[Any, str, StateApps, Connection], removals.Stays | None]]] = {
    "RemoveField": removals.owed,
    "DeleteModel": removals.owed,
    "ReplaceField": removals.owed,
    "RenameField": renames.owed,
    "RenameModel": renames.owed,
    "AlterModelTable": renames.owed,
    "AddField": fills.owed,
    "AlterField": fills.owed,
}


#: A reason that holds for each view.
NOT_COUNTED: Final = "who uses an old name is not counted: only sessions and the time tell"


class Looked(NamedTuple):
    """A debt, looked at.

    :param age: the time for which it has been owed, since the first look, in seconds.
    :param reasons: the reasons not to drop it yet, in words.
    :param is_there: it has not been dropped by hand, or with its table.
    """

    debt: Debt
    age: float
    reasons: tuple[str, ...]
    is_there: bool

    @property
    def done(self) -> str:
        """Say what became of it, once it is paid."""
        return "was dropped" if self.is_there else "was gone already"


class Contraction:
    """The payment of one database's debts.

    :param kept: the types, if they have been read already.
    """

    def __init__(self, connection: Connection, kept: Kept | None = None) -> None:
        self.connection = connection
        self.debts = Debts(connection, kept)
        self._settings = MigrationSettings.load(connection.alias)
        #: The ids of the debts that were paid meanwhile.
        self._paid: set[str] = set()

    def look(self, debts: Sequence[Debt] | None = None, write: bool = True, by_contract: bool = False) -> list[Looked]:
        """Return the debts, with the reasons not to drop them now.

        :param debts: the debts to look at; None for all.
        :param write: write down what was seen.
        :param by_contract: a Contract asks; otherwise debts of an Expand wait for their Contract.
        """
        debts = self.debts.all() if debts is None else debts
        if not debts:
            return []
        # Debts that give a table its name back are paid first: the others are paid on the table.
        debts = sorted(debts, key=lambda debt: debt.kind != s.RENAMED)
        about = ((debt.tables, debt.column, counter(_kept(debt), self._names)) for debt in debts)
        server, found = look(self.connection, *about)
        looked = [self._looked(debt, server, there, write) for debt, there in zip(debts, found, strict=True)]
        if self._settings.old_code == "present" and not by_contract:
            looked = [x._replace(reasons=(*self._contract_of(x.debt), *x.reasons)) for x in looked]
        waiting = {x.debt.id for x in looked if x.reasons}
        return [x._replace(reasons=(*x.reasons, *self._views(x.debt, waiting))) for x in looked]

    def _views(self, debt: Debt, among: Collection[str] | None = None) -> list[str]:
        """Describe the views in the place of a debt's table.

        :param among: only views of debts with these ids; None for all.
        """
        renames = [x for x in self.debts.all() if x.kind == s.RENAMED and x.column and x.id not in self._paid]
        if debt.kind == s.RENAMED or not debt.column:
            return []
        return [
            f"{debt.tables[0]} is a view while {x.id} is owed, which is paid first"
            for x in renames
            if x.tables == debt.tables and (among is None or x.id in among)
        ]

    def _looked(self, debt: Debt, server: Server, there: There, write: bool) -> Looked:
        # If a column stays, new code scans the table as well.
        counted = there.counted if debt.kind == s.REMOVED and not debt.column else None
        verdict = judge(server, debt.seen, counted, self._settings.contract_quiet_time, there.written)
        if write:
            self.debts.write_seen(debt, verdict.seen)
        reasons = verdict.reasons if there.exists and self._settings.old_code == "present" else ()
        if reasons and debt.kind == s.RENAMED:
            reasons = (*reasons, NOT_COUNTED)
        return Looked(debt, server.now - verdict.seen.since, reasons, there.exists)

    def _contract_of(self, debt: Debt) -> tuple[str, ...]:
        """Say why a debt of an Expand is not due; empty if it is, and for other debts."""
        operation = None if debt.whose.part is None else halves.at(self._loader, debt.whose)
        if operation is None:
            return ()
        keys = halves.contracts_of(self._loader, halves.Expansion(debt.whose, operation))
        if not keys:
            return (f"its Contract is not written: manage.py make_contract {debt.whose.app} writes it",)
        if any(key in self._loader.applied_migrations for key in keys):
            return ()
        return (f"its Contract in {'.'.join(keys[0])} is not applied",)

    def pay(self, looked: Looked) -> None:
        """Drop what is owed, and delete the debt.

        :raises MigrationError: as :meth:`planned`.
        """
        debt = looked.debt
        if planned := self.planned(looked):
            self._drop(debt, *planned)
        elif sql := remains(_kept(debt), self._names):
            self.debts.sweep(sql)
        self.debts.forget(debt)
        self._paid.add(debt.id)

    def planned(self, looked: Looked) -> tuple[Any, Any, Any] | None:
        """Return the operation that drops what is owed, and the states before and after it; None for nothing to drop.

        :raises MigrationError: when its migration is not recorded, is missing, or has changed, when a model uses what
            would be dropped, and when a view is in the place of its table.
        """
        debt = looked.debt
        if views := self._views(debt):
            raise MigrationError("; ".join(views))
        return self._planned(debt) if looked.is_there and not self._is_over(debt) else None

    def _is_over(self, debt: Debt) -> bool:
        """Return whether a later migration has given the column a default of its own."""
        if debt.kind != s.DEFAULT:
            return False
        return fills.has_database_default(_kept(debt), self._models, self._names)

    def _drop(self, debt: Debt, operation: Operation, before: ProjectState, after: ProjectState) -> None:
        editor: Any = self.connection.schema_editor(atomic=False)
        # The drop is not a migration of the run that may be beginning, and has no journal.
        editor.migrate_run = MigrateRun(self.connection)
        # A column's trigger is dropped along with it, even if EXPAND_CONTRACT is off by now.
        editor.migrate_run.debts = self.debts.all()
        with editor, editor.contracting():
            operation.database_forwards(debt.whose.app, editor, before, after)

    # Operations of debts

    @cached_property
    def _loader(self) -> MigrationLoader:
        # Replaced migrations are loaded, too: a debt is known by the migration that ran.
        return MigrationLoader(self.connection, replace_migrations=False)

    @cached_property
    def _names(self) -> Names:
        return names_of(self.connection)

    def _planned(self, debt: Debt) -> tuple[Any, Any, Any]:
        """Return the operation of a debt, and the states before and after it."""
        key = (debt.whose.app, debt.whose.migration)
        if key not in self._loader.disk_migrations:
            raise MigrationError(f"{debt.id} is owed, and no migration of that name is there. {_FILE}")
        if key not in self._loader.applied_migrations:
            raise MigrationError(f"{debt.id} is owed, and its migration is not through: run migrate, which goes on.")
        operation = halves.at(self._loader, debt.whose)
        owed_by = OWED_BY.get(type(operation).__name__)
        if operation is None or owed_by is None:
            raise MigrationError(f"{debt.id} is owed, and no operation that owes anything is there. {_FILE}")
        before, after = halves.states(self._loader, debt.whose)
        if owed_by(operation, debt.whose.app, before.apps, self.connection) != (debt.tables, debt.column, debt.kind):
            raise MigrationError(f"{debt.id} owes {debt.what}, and that operation owes something else. {_FILE}")
        if debt.kind == s.REMOVED:
            self._refuse_known(debt)
        return operation, before, after

    def _refuse_known(self, debt: Debt) -> None:
        """Raise MigrationError if a model of today uses the table or column that an earlier model has left."""
        for model in self._models:
            table = self._names.as_sql(model._meta.db_table)
            if table not in debt.tables:
                continue
            columns = {removals.column(x, self._names) for x in model._meta.local_concrete_fields if x.column}
            if not debt.column or debt.column in columns:
                raise MigrationError(
                    f"{debt.id} owes {debt.what}, and {model._meta.label} has it by now: it is not dropped. If that "
                    f"is right, forget the debt: DROP TYPE {self.debts.kept.path(debt.type_name)}."
                )

    @cached_property
    def _models(self) -> Iterable[Any]:
        """The models that the recorded migrations have made."""
        return list(applied_state(MigrationExecutor(self.connection)).apps.get_models(include_auto_created=True))


def _kept(debt: Debt) -> removals.Stays:
    return removals.Stays(debt.tables, debt.column, debt.kind)


_FILE = "Put the file back as it was, and nothing is lost until then."


def told(looked: Iterable[Looked]) -> str:
    """Return one line for the log."""
    return "; ".join(f"{x.debt.id} ({x.reasons[0]})" for x in looked if x.reasons)
