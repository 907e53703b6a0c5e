"""The part of the schema editor that puts a field beside the one that it replaces, and keeps the two equal;
``ReplaceField`` calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...ddl import statements as s
from ...ddl.values import with_values
from ...django_types import Field, ProjectState
from ...errors import CannotMigrate
from ...migrate_run import removals
from ...migrate_run.in_the_way_of_new_code import refuse_what_cannot_stay
from ...migrate_run.migration_at_work import Own
from ...migrate_run.old_writes import Ways
from ...migrate_run.replacements import Replacement
from ...naming import quote, split_identifier
from .halves import Halves

if TYPE_CHECKING:
    from ...execution.owed.debts import Debt


class ReplacingFields(Halves):
    """The methods for replaced fields. This class precedes the recording ones."""

    backfill: Callable[..., None]

    def replace_field(self, there: Replacement, back: Replacement) -> None:
        """Put a field beside another one, or in its place if no code uses the old one.

        :param there: the replacement of the old field by the new one.
        :param back: the replacement of the new field by the old one.
        :raises CannotMigrate: when the table is in use, and the setting is off.
        """
        goes = removals.Goes(there.before, there.old)
        kept = removals.stays([goes], self.names)
        if self.is_contracting:
            self.remove_field(there.before, there.old)
            return
        own = None if self._is_gone_at_once(kept) else self._own_operation()
        # Inside another operation its debt could not be found again.
        if own is None or type(own.operation).__name__ != "ReplaceField" or self._is_unused_by_others(own, kept):
            there.at_once(self)  # type: ignore[arg-type]
            return
        if not self.settings.expand_contract:
            raise CannotMigrate(
                f"{own.whose} replaces column {quote(kept.column)} of {kept.tables[0]}, which is in use. Set "
                "EXPAND_CONTRACT to True, or put the operation into Expand([...]): the old column then stays for old "
                "code, and follows the new one. Nothing was sent."
            )
        self._replace_beside(own, kept, there, back)

    def _is_gone_at_once(self, kept: removals.Stays) -> bool:
        """Return whether the old column is out of use, by what is known without asking the server for sessions."""
        if self.nothing_in_use or self._assured or self.settings.old_code == "absent":
            return True
        table, column = kept.tables[0], kept.column
        if not self._has_traffic(table) or self._is_new_column(table, column):
            return True
        # An earlier run has dropped it.
        return self._catalog().exists(table) and self._catalog().column(table, column) is None

    def _is_unused_by_others(self, own: Own, kept: removals.Stays) -> bool:
        """Return whether no other session is there, and no earlier run has begun to keep the two equal."""
        there = self._today().triggers(kept.tables[0], kept.column, "~")
        has_begun = any(quote(name) in self._triggers(kept).triggers for name in there)
        return not has_begun and self._is_alone(own, kept.tables)

    def _replace_beside(self, own: Own, kept: removals.Stays, there: Replacement, back: Replacement) -> None:
        goes = removals.Goes(there.before, there.old)
        self.add_field(there.before, there.loose)
        with self._planning("keep_in_step", there.both, there.new):
            if not self._call.past:
                refuse_what_cannot_stay(str(own.whose), [goes], self._catalog())
                self._keep_in_step(own, kept, there, back)
        there.fill_rows(self)
        self.alter_field(there.both, there.loose, there.new)
        with self._planning("leave_field", there.before, there.old):
            if not self._call.past:
                self.alter_field(there.before, there.old, removals.for_new_code(goes, there.old))
            self._owes(own, kept)

    def _keep_in_step(self, own: Own, kept: removals.Stays, there: Replacement, back: Replacement) -> None:
        """Create the trigger that keeps the two columns equal.

        :raises CannotMigrate: when the trigger could not be made, or would not understand its expressions.
        """
        from ...execution.failures.rights import why_no_trigger

        table, new = kept.tables[0], quote(removals.column(there.new, self.names))
        forwards, backwards = (with_values(*each.value, self.quote_value) for each in (there, back))
        why = "" if self._is_offline else why_no_trigger(self.connection, table) or self._why_taken(kept)
        if not why and not self._knows_the_names(there, back, forwards, backwards):
            why = (
                "Its expressions, types or comparisons name what is not in pg_catalog, where the trigger's function "
                "looks for them: replace the field by hand."
            )
        if why:
            raise CannotMigrate(f"{own.whose} keeps two columns equal with a trigger. {why} Nothing was changed.")
        debts = self._debts()
        place = self._catalog().beside(table, table) if len(split_identifier(table)) == 1 else table
        schema = debts.kept.place.schema if debts else "public"
        place = place if len(split_identifier(place)) > 1 else f"{quote(schema)}.{place}"
        self._record(self._triggers(kept).in_step(Ways(place, new, forwards, backwards)))

    def _knows_the_names(self, there: Replacement, back: Replacement, forwards: str, backwards: str) -> bool:
        from ...execution.own_names import names_only_of_the_server

        if self._is_offline:
            return True
        old, new = (self._as_null(x) for x in (there.old, there.new))
        row = f'(SELECT {old[0]} AS {old[1]}, {new[0]} AS {new[1]}) "new"'
        same = f'"new".{old[1]} IS DISTINCT FROM "new".{old[1]}, "new".{new[1]} IS DISTINCT FROM "new".{new[1]}'
        return names_only_of_the_server(self.connection, f"{forwards}, {backwards}, {same} FROM {row}")

    def _as_null(self, field: Field) -> tuple[str, str]:
        kind = field.db_parameters(self.connection)["type"]
        return f"CAST(NULL AS {kind})", quote(removals.column(field, self.names))

    # Taken back

    def replace_field_back(self, there: Replacement, back: Replacement) -> None:
        """Give the old field its place back."""
        own = self._own_operation()
        known = [] if own is None or self.nothing_in_use else [*self._known_debts(asks=True), *self._begun_before()]
        debt = next((x for x in known if own is not None and x.whose == own.whose), None)
        if debt is None:
            back.at_once(self)  # type: ignore[arg-type]
        elif not self._is_there(debt):
            back.at_once(self)  # type: ignore[arg-type]
            self._forgive(debt, there.before, there.old, lambda: None)
        else:
            goes = removals.Goes(there.before, there.old)
            with self._planning("bring_back", there.before, there.old):
                if not self._call.past:
                    self._bring_back_field(goes, there.old)
            # Old code leaves the new column out, and the trigger is dropped.
            self.alter_field(back.before, there.new, there.loose)
            kept = removals.stays([goes], self.names)
            self._forgive(debt, there.before, there.old, lambda: self._count_no_more(kept))
            self.remove_field(back.before, there.loose)

    def _forgive(self, debt: Debt, model: Any, field: Field, before: Callable[[], None]) -> None:
        with self._planning("in_step_no_more", model, field):
            if not self._call.past:
                before()
            debts = self._debts()
            sql = self._owing_no_more(debt, debts) if debts else ""
            self._record(s.OweNoMore(sql=sql, table=debt.tables[0], owed_by=debt.id))

    def _replace_again(self, own: Own, before: ProjectState, after: ProjectState) -> None:
        """Add the old column once more when the Contract is taken back, filled and kept equal by a trigger."""
        there, back = own.operation.replacements(own.app, self.connection, before, after)
        goes = removals.Goes(there.before, there.old)
        kept = removals.stays([goes], self.names)
        if self._catalog().column(kept.tables[0], kept.column) is None:
            self.add_field(back.before, back.loose)
        with self._planning("keep_in_step", there.both, there.old):
            if not self._call.past:
                self._keep_in_step(own, kept, there, back)
        back.fill_rows(self)
        with self._planning("leave_field", there.before, there.old):
            self._owes_again(own, kept)
