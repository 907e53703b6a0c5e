"""The part of the schema editor that lets old code write NULL where a column becomes NOT NULL, with EXPAND_CONTRACT.

A plain AlterField of a field with a default makes a trigger that puts the default in place of NULL, before the rows are
filled, and writes down that the trigger is owed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...catalog.changes import apply
from ...catalog.projection import Projection
from ...ddl import statements as s
from ...ddl.triggers import DropTrigger
from ...ddl.values import with_values
from ...django_types import Field, Model
from ...errors import CannotMigrate
from ...log import logger
from ...migrate_run import fills
from ...migrate_run.migration_at_work import Own
from ...migrate_run.removals import Stays
from ...printable import printable
from .expanding_not_null import ExpandingNotNull

if TYPE_CHECKING:
    from ...execution.owed.debts import Debt


class ExpandingFills(ExpandingNotNull):
    """The methods for filled columns. This class precedes the recording ones."""

    quote_value: Callable[[Any], Any]
    _recording: Projection

    def alter_field(self, model: Model, old_field: Field, new_field: Field, strict: bool = False) -> None:
        """Fill what old code writes as NULL; drop the trigger for that if it is owed, or not wanted any more."""
        parent: Any = super()

        def alter() -> None:
            parent.alter_field(model, old_field, new_field, strict)

        if fills.becomes_not_null(old_field, new_field, self.connection):
            self._become_not_null(fills.filled(model, new_field, self.names), model, new_field, alter)
        elif not self.migrate_run.is_new_database and fills.becomes_null(old_field, new_field, self.connection):
            debt = self._taken_back("AlterField")
            with self._planning("alter_field", model, new_field):
                alter()
                self._fill_no_more(fills.filled(model, old_field, self.names), debt)
        else:
            alter()

    def _become_not_null(self, kept: Stays, model: Model, field: Field, alter: Callable[[], None]) -> None:
        """Make a column NOT NULL, with a trigger for old code if any may run.

        :param alter: runs stock Django's method.
        """
        own = self._stays_for_old_code("AlterField", kept.tables[0])
        try:
            with self._planning("alter_field", model, field):
                if self.is_contracting:
                    self._record(self._triggers(kept).dropped())
                    return
                alter()
                if own is not None:
                    self._fill(own, kept)
        finally:
            self._nobody_there = False

    def _fill(self, own: Own, kept: Stays) -> None:
        """Insert the trigger before the fill of the rows, and so before NULL is refused."""
        recorded = self._recorded or []
        place = next((n for n, x in enumerate(recorded) if isinstance(x, s.FillNulls)), None)
        if place is None and not self._call.past:
            # Without a default there is no value to write; the user has filled the rows already.
            return
        if place is not None and not self._call.past:
            fill = recorded[place]
            assert isinstance(fill, s.FillNulls)
            value = with_values(fill.default, fill.params, self.quote_value) if fill.params else fill.default
            if not self._is_understood(value, kept):
                return
            if why := self._why_taken(kept):
                raise CannotMigrate(
                    f"{own.app}.{own.migration} makes a trigger for old code. {why} Nothing was changed."
                )
            recorded.insert(place, self._triggers(kept).filling(value))
            apply(self._recording, recorded[place])
        self._owes(own, kept)

    def _is_understood(self, value: str, kept: Stays) -> bool:
        """Return whether the trigger, whose search_path has only pg_catalog, can compute the value."""
        # Imported here, as below: most processes of a project migrate nothing.
        from ...execution.own_names import names_only_of_the_server

        if self._is_offline or names_only_of_the_server(self.connection, value):
            return True
        if not self._reader.is_silent:
            text = "Nothing fills %s of %s for old code that writes NULL: %s"
            why = f"its default, {value}, names what is not in pg_catalog."
            logger.warning(text, printable(kept.column), printable(kept.tables[0]), printable(why))
        return False

    def _fill_no_more(self, kept: Stays, taken_back: Debt | None) -> None:
        """Drop the trigger of a column that may be NULL again.

        :param taken_back: the debt of the operation that is taken back; an earlier run may have marked it already.
        """
        owed = [owed_by for owed_by, there in self._owed(s.FILLED) if there == kept]
        if taken_back is not None and taken_back.kind == s.FILLED:
            owed = [taken_back.id]
        for owed_by in owed:
            if not self._call.past:
                self._put_before_null(self._triggers(kept).dropped())
            self._record(self._owed_no_more(owed_by, kept, taken_back))

    def _put_before_null(self, drop: DropTrigger) -> None:
        """Insert the drop beside DROP NOT NULL, or before a change of type, which a trigger would block."""
        recorded = self._recorded or []
        kinds = (s.SetType, s.DropNotNull)
        place = next((n for n, x in enumerate(recorded) if isinstance(x, kinds)), len(recorded))
        recorded.insert(place, drop)
