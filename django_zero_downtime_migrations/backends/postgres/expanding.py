"""The part of the schema editor that keeps what old code uses, with EXPAND_CONTRACT.

A plain RemoveField or DeleteModel removes what is in the way of new code, and writes down that the rest is owed;
``migrate_run.contraction`` drops the rest by the same operation when no old code is left.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ...catalog.planned import PlannedCatalog
from ...catalog.projection import Projection
from ...catalog.protocol import Catalog
from ...catalog.records import Constraint
from ...catalog.server import ServerCatalog
from ...ddl import statements as s
from ...django_types import Connection, Field, Model
from ...errors import CannotMigrate
from ...migrate_run import removals
from ...migrate_run.in_the_way_of_new_code import refuse_what_cannot_stay, refuse_what_rows_violate
from ...migrate_run.migration_at_work import Own, own_operation_at_work
from ...migrate_run.progress import Call
from ...migrate_run.run import MigrateRun
from ...naming import Names, quote, unquote
from ...settings import MigrationSettings

if TYPE_CHECKING:
    from ...execution.owed.debts import Debt, Debts

#: Statements that may need a name that is still taken.
_NEEDS_A_NAME = (s.AddColumn, s.CreateTable, s.RenameColumn, s.RenameTable)


class Expanding:
    """The methods for removals. This class precedes the recording ones."""

    connection: Connection
    collect_sql: bool
    migrate_run: MigrateRun
    names: Names
    settings: MigrationSettings
    alter_field: Callable[..., None]
    _count: Callable[[removals.Stays, Sequence[removals.Goes]], None]
    _count_no_more: Callable[[removals.Stays], None]
    #: Operations drop what they owe.
    is_contracting = False
    #: The running operation inside an Expand or Contract.
    _half: Own | None = None
    _call: Call
    _catalog: Callable[[], PlannedCatalog]
    _effective_default: Callable[[Field], Any]
    _has_traffic: Callable[[str], bool]
    _own: Any
    _planning: Callable[..., AbstractContextManager[Call]]
    _projection: Projection
    _record: Callable[[s.Statement], None]
    _recorded: list[s.Statement] | None
    _today: Callable[[], Catalog]

    # Forwards

    def remove_field(self, model: Model, field: Field) -> None:
        """Leave the column to old code if any may run."""
        parent: Any = super()
        going = removals.of_field(model, field, self.connection) if self._may_leave else []
        own = self._leaves("RemoveField", going)
        if own is None:
            parent.remove_field(model, field)
            return
        with self._planning("remove_field", model, field):
            self._leave(own, going)

    def delete_model(self, model: Model) -> None:
        """Leave the table to old code if any may run."""
        parent: Any = super()
        going = removals.of_model(model) if self._may_leave else []
        own = self._leaves("DeleteModel", going)
        if own is None:
            parent.delete_model(model)
            return
        with self._planning("delete_model", model):
            self._leave(own, going)

    @property
    def _may_leave(self) -> bool:
        settings = self.settings
        is_on = settings.expand_contract and settings.old_code == "present" and not self.is_contracting
        return is_on and self._recorded is None

    def _leaves(self, name: str, going: Sequence[removals.Goes]) -> Own | None:
        """Return the running operation if what it removes stays."""
        own = self._own_operation() if going else None
        if own is None or not removals.is_plain(own, name, backwards=False):
            return None
        tables, column, _ = removals.stays(going, self.names)
        if not self._has_traffic(tables[0]) or self._is_new_column(tables[0], column) or self._is_alone(own, tables):
            return None
        return own

    def _is_new_column(self, table: str, column: str) -> bool:
        """Return whether this very run has added the column, or will, so that no old code knows it."""
        is_planned = bool(column) and not self._projection.live_column(table, column)
        return is_planned or (table, column) in self.migrate_run.columns

    def _is_alone(self, own: Own, tables: Sequence[str]) -> bool:
        """Return whether no other session is there; False for a script or a check, which do not run now."""
        if self._is_offline or (self.collect_sql and self.migrate_run.plan is None):
            return False
        from ...execution.owed.evidence import is_alone

        known, key = self.migrate_run.alone, own.whose
        if key not in known:
            known[key] = is_alone(self.connection, self._real(tables))
        return known[key]

    def _real(self, tables: Sequence[str]) -> list[str]:
        """Return the tables of today behind these names: a view, or a name that a table does not have yet, does not
        tell whether there are rows.
        """
        today = self._today()
        live = [self._projection.live_table(table) for table in tables]
        return [shown.hidden if (shown := today.shown(table)) else table for table in live]

    def _leave(self, own: Own, going: Sequence[removals.Goes]) -> None:
        whose, kept = own.whose, removals.stays(going, self.names)
        written = ""
        if not self._call.past:
            refuse_what_cannot_stay(str(whose), going, self._catalog())
            for goes in going:
                for field in removals.fields(goes):
                    self.alter_field(goes.model, field, removals.for_new_code(goes, field))
            self._count(kept, going)
            written = self._owing(whose, kept)
        self._record(owe(whose, kept, written))

    def _owing(self, whose: Any, kept: removals.Stays) -> str:
        debts = self._debts()
        if debts is None:
            return ""
        if why := debts.why_not(whose):
            raise CannotMigrate(f"{whose} would leave what old code uses, and that cannot be written down. {why}")
        return debts.owing(whose, *kept)

    # Backwards

    def add_field(self, model: Model, field: Field) -> None:
        """Add a field; if :meth:`remove_field` has left its column, take that back."""
        parent: Any = super()
        debt = self._taken_back("RemoveField")
        if debt is None:
            parent.add_field(model, field)
            return
        with self._planning("add_field", model, field):
            going = removals.of_field(field.model, field, self.connection)
            self._bring_back(debt, going, lambda: parent.add_field(model, field))

    def create_model(self, model: Model) -> None:
        """Create a table; if :meth:`delete_model` has left it, take that back."""
        parent: Any = super()
        debt = self._taken_back("DeleteModel")
        if debt is None:
            parent.create_model(model)
            return
        with self._planning("create_model", model):
            self._bring_back(debt, removals.of_model(model), lambda: parent.create_model(model))

    def _taken_back(self, name: str) -> Debt | None:
        if self._recorded is not None or self.migrate_run.is_new_database:
            return None
        own = self._own_operation()
        if own is None or not removals.is_plain(own, name, backwards=True):
            return None
        known = [*self._known_debts(asks=True), *self._begun_before()]
        return next((debt for debt in known if debt.whose == own.whose), None)

    def _begun_before(self) -> list[Debt]:
        """Return debts that a run took back or began to pay before it was killed, with its migration unrecorded."""
        debts = self._debts() if self.migrate_run.debts is not None else None
        return [*debts.taken_back(), *debts.being_paid()] if debts else []

    def _own_operation(self) -> Own | None:
        """Return the running operation if it is in the list of its migration, or in an Expand there."""
        return self._half or own_operation_at_work()

    def _bring_back(self, debt: Debt, going: Sequence[removals.Goes], make: Callable[[], None]) -> None:
        """Bring back what is owed, and end the debt; ``make`` runs stock Django's method."""
        debts = self._debts()
        if not self._is_there(debt):
            make()
        elif not self._call.past:
            self._count_no_more(removals.stays(going, self.names))
            for goes in going:
                for field in removals.fields(goes):
                    self._bring_back_field(goes, field)
        sql = self._owing_no_more(debt, debts) if debts else ""
        self._record(s.OweNoMore(sql=sql, table=debt.tables[0], owed_by=debt.id))

    def _owing_no_more(self, debt: Debt, debts: Debts) -> str:
        """Return the SQL that ends a debt; in a run it is only marked, and deleted when the run is over."""
        is_run = self.migrate_run.plan is not None
        return debts.taking_back(debt.whose) if is_run else debts.forgiving(debt.whose)

    def _bring_back_field(self, goes: removals.Goes, field: Field) -> None:
        wanted = copy.copy(field)
        default = self._effective_default(field)
        if default is not None and not field.has_default():
            # Django would give each row this default if it added the column.
            wanted.default = default
        now: Any = copy.copy(wanted)
        catalog, column = self._catalog(), removals.column(field, self.names)
        [table] = removals.stays([removals.Goes(goes.model)], self.names).tables
        there = catalog.column(table, column)
        if goes.field is not None and there is not None and not (there.not_null and there.not_null_valid):
            now.null = True
        if getattr(field, "db_constraint", False):
            keys = [x for x in catalog.constraints(table) if x.kind == "f" and x.columns == (column,)]
            now.db_constraint = bool(keys)
            for key in keys:
                self._validate(key)
        if not (self._is_offline or (self.collect_sql and self.migrate_run.plan is None)):
            refuse_what_rows_violate(self.connection, self.names, now, wanted, default)
        self.alter_field(goes.model, now, wanted)

    def _validate(self, key: Constraint) -> None:
        """Validate a key: a run without a journal may have been killed before it did so."""
        if not key.valid:
            name = quote(key.name)
            sql = f"ALTER TABLE {key.table} VALIDATE CONSTRAINT {name}"
            self._record(s.ValidateConstraint(sql=sql, table=key.table, name=name))

    def _is_there(self, debt: Debt) -> bool:
        catalog = self._catalog()
        if debt.column:
            return catalog.exists(debt.tables[0]) and catalog.column(debt.tables[0], debt.column) is not None
        return all(catalog.exists(table) for table in debt.tables)

    # Debts so far

    @property
    def _is_offline(self) -> bool:
        return not isinstance(self._today(), ServerCatalog)

    def _debts(self) -> Debts | None:
        """Return the debts of the database; None without a database."""
        if self._is_offline:
            return None
        from ...execution.owed.debts import Debts

        return Debts(self.connection, self.migrate_run.kept)

    def _known_debts(self, asks: bool = False) -> list[Debt]:
        """Return the known debts; ``asks``: ask the server even if the setting is off and no journals were read."""
        run = self.migrate_run
        if run.debts is None and (asks or self.settings.expand_contract or run.kept is not None):
            debts = self._debts()
            run.debts = debts.all() if debts else []
            run.kept = debts.kept if debts else None
        return run.debts or []

    def _owed(self, *kinds: str) -> list[tuple[str, removals.Stays]]:
        """Return who owes what, for debts of some kinds."""
        planned = self._projection.owed
        today = [(x.id, removals.Stays(x.tables, x.column, x.kind)) for x in self._known_debts() if x.id not in planned]
        left = [(x.owed_by, removals.Stays(x.tables, x.column, x.kind)) for x in planned.values() if x is not None]
        return [(owed_by, kept) for owed_by, kept in [*today, *left] if kept.kind in kinds]

    def _refuse_taken_names(self, statements: Sequence[s.Statement]) -> None:
        """Raise CannotMigrate when a statement needs a name that old code still has."""
        needing = [x for x in statements if isinstance(x, _NEEDS_A_NAME)]
        if not needing or self.is_contracting or self.migrate_run.is_new_database:
            return
        for owed_by, (tables, column, _) in self._owed(s.REMOVED):
            if any(_is_in_the_way(x, tables, column) for x in needing):
                what = f"column {column!r} of {tables[0]}" if column else f"table {', '.join(tables)}"
                raise CannotMigrate(
                    f"{owed_by} owes the removal of {what}, which stays for old code, and this operation cannot be "
                    "done while it is there. manage.py contract --list says what is waited for; when no old code runs, "
                    f"manage.py contract {owed_by} --now REASON drops it, and so does a migrate with OLD_CODE = "
                    '"absent".'
                )


def owe(whose: Any, kept: removals.Stays, written: str, note: str = "") -> s.Owe:
    """Return the statement of a debt; ``written`` is the SQL that is sent, and ``note`` adds to its finding."""
    tables, column, kind = kept
    common = {"written": written, "owed_by": str(whose), "kind": kind, "note": note}
    return s.Owe(sql=kept.sql, table=tables[0], tables=tables, column=column, **common)


def _is_in_the_way(statement: s.Statement, tables: Sequence[str], column: str) -> bool:
    match statement:
        case s.AddColumn(table=table, column=name) | s.RenameColumn(table=table, new_column=name):
            return table in tables and unquote(name) == column
        case s.RenameTable(table=table, new_table=new):
            return table in tables or new in tables
    return statement.table in tables
