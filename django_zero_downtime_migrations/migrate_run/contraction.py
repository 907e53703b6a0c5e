"""What removals have left for old code is dropped when there is none: by their own operations, from their files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from ..ddl import statements as s
from ..django_types import Connection, Operation, ProjectState, StateApps
from ..errors import MigrationError
from ..execution.debts import Debt, Debts
from ..execution.evidence import Server, There, judge, look
from ..execution.kept import Kept
from ..naming import Names
from ..server import names_of
from ..settings import MigrationSettings
from ..states.judged_state import applied_state
from . import fills, halves, removals, renames
from .old_writes import counter, remains
from .run import MigrateRun

#: What an operation may owe, by the name of its class; asked with the app, the models before it and the connection.
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


#: What nobody can see of a view.
NOT_COUNTED: Final = "who uses an old name is not counted: only sessions and the time tell"


class Looked(NamedTuple):
    """:param age: for how long it has been owed, in seconds. :param reasons: why it is not dropped, in words.

    :param is_there: nobody has dropped it by hand, or with its table.
    """

    debt: Debt
    age: float
    reasons: tuple[str, ...]
    is_there: bool

    @property
    def done(self) -> str:
        """What has become of it when it is paid."""
        return "was dropped" if self.is_there else "was gone already"


class Contraction:
    """Of one database.

    :param kept: what is kept there, where it was asked already.
    """

    def __init__(self, connection: Connection, kept: Kept | None = None) -> None:
        self.connection = connection
        self.debts = Debts(connection, kept)
        self._settings = MigrationSettings.load(connection.alias)
        #: The names of those that were paid meanwhile.
        self._paid: set[str] = set()

    def look(self, debts: Sequence[Debt] | None = None, write: bool = True, by_contract: bool = False) -> list[Looked]:
        """What is owed, and what speaks against dropping it now.

        :param write: whether it is written down that somebody has looked.
        :param by_contract: a Contract asks, for which what an Expand has left waits otherwise.
        """
        debts = self.debts.all() if debts is None else debts
        if not debts:
            return []
        # What gives a table its name back is paid first: the others are paid on the table.
        debts = sorted(debts, key=lambda debt: debt.kind != s.RENAMED)
        about = ((debt.tables, debt.column, counter(_kept(debt), self._names)) for debt in debts)
        server, found = look(self.connection, *about)
        looked = [self._looked(debt, server, there, write) for debt, there in zip(debts, found, strict=True)]
        if self._settings.old_code == "present" and not by_contract:
            looked = [x._replace(reasons=(*self._contract_of(x.debt), *x.reasons)) for x in looked]
        waiting = {x.debt.id for x in looked if x.reasons}
        return [x._replace(reasons=(*x.reasons, *self._views(x.debt, waiting))) for x in looked]

    def _views(self, debt: Debt, among: Collection[str] | None = None) -> list[str]:
        """The views that are in the place of its table, in words. :param among: only those that these have made."""
        renames = [x for x in self.debts.all() if x.kind == s.RENAMED and x.column and x.id not in self._paid]
        if debt.kind == s.RENAMED or not debt.column:
            return []
        return [
            f"{debt.tables[0]} is a view while {x.id} is owed, which is paid first"
            for x in renames
            if x.tables == debt.tables and (among is None or x.id in among)
        ]

    def _looked(self, debt: Debt, server: Server, there: There, write: bool) -> Looked:
        # The scans of a table of which a column stays are those of the new code.
        counted = there.counted if debt.kind == s.REMOVED and not debt.column else None
        verdict = judge(server, debt.seen, counted, self._settings.contract_quiet_time, there.written)
        if write:
            self.debts.write_seen(debt, verdict.seen)
        reasons = verdict.reasons if there.exists and self._settings.old_code == "present" else ()
        if reasons and debt.kind == s.RENAMED:
            reasons = (*reasons, NOT_COUNTED)
        return Looked(debt, server.now - verdict.seen.since, reasons, there.exists)

    def _contract_of(self, debt: Debt) -> tuple[str, ...]:
        """Why what an Expand has left is not due, in words."""
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
        """Drop what is owed, and forget the debt.

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
        """The operation that drops what is owed, and the states before and after it; None where nothing is there.

        :raises MigrationError: when its migration is not recorded, is not there, or has changed, when what would be
            dropped has a model, and when a view is in the place of its table.
        """
        debt = looked.debt
        if views := self._views(debt):
            raise MigrationError("; ".join(views))
        return self._planned(debt) if looked.is_there and not self._is_over(debt) else None

    def _is_over(self, debt: Debt) -> bool:
        """Whether a later migration has put something into the place of what is owed."""
        if debt.kind != s.DEFAULT:
            return False
        return fills.has_database_default(_kept(debt), self._models, self._names)

    def _drop(self, debt: Debt, operation: Operation, before: ProjectState, after: ProjectState) -> None:
        editor: Any = self.connection.schema_editor(atomic=False)
        # It is no migration of the run that may be beginning, and has no journal.
        editor.migrate_run = MigrateRun(self.connection)
        # It takes along what belongs to a column, also where EXPAND_CONTRACT is off by now.
        editor.migrate_run.debts = self.debts.all()
        with editor, editor.contracting():
            operation.database_forwards(debt.whose.app, editor, before, after)

    # What is paid

    @cached_property
    def _loader(self) -> MigrationLoader:
        # Also those that a squashed one replaces: what is owed is known by the migration that ran.
        return MigrationLoader(self.connection, replace_migrations=False)

    @cached_property
    def _names(self) -> Names:
        return names_of(self.connection)

    def _planned(self, debt: Debt) -> tuple[Any, Any, Any]:
        """The operation, and the states before and after it."""
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
        """A model of today may have what an earlier one has left: nothing else stands between them."""
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
        """Those that the recorded migrations have made."""
        return list(applied_state(MigrationExecutor(self.connection)).apps.get_models(include_auto_created=True))


def _kept(debt: Debt) -> removals.Stays:
    return removals.Stays(debt.tables, debt.column, debt.kind)


_FILE = "Put the file back as it was, and nothing is lost until then."


def told(looked: Iterable[Looked]) -> str:
    """One line for the log."""
    return "; ".join(f"{x.debt.id} ({x.reasons[0]})" for x in looked if x.reasons)
