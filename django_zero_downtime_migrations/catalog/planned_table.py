"""A table as it will be once the planned statements have run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ..ddl.spaces import Space

#: A constraint as Django's introspection describes it.
Constraint = dict[str, Any]


@dataclass
class PlannedColumn:
    """The knowledge of a column.

    :ivar live: its name of today; empty for a column that is still to be made.
    :ivar type: the type of a column that is still to be made, as far as it is known.
    :ivar not_null: whether the last planned statement about it makes it NOT NULL; None if there is none.
    :ivar has_default: whether the last planned statement about it gives it a default; None if there is none.
    :ivar made_with_default: it is made with a default, which stays.
    :ivar made_not_null: it is made NOT NULL.
    :ivar filled_by_trigger: a planned trigger gives it a value in place of NULL.
    :ivar loses_identity: a planned statement takes its identity away.
    """

    live: str
    type: str = ""
    not_null: bool | None = None
    has_default: bool | None = None
    made_with_default: bool = False
    made_not_null: bool = False
    loses_identity: bool = False
    filled_by_trigger: bool = False

    def is_not_null(self, before: bool) -> bool:
        """Return whether it will be NOT NULL.

        :param before: whether it is without the planned statements.
        """
        return before if self.not_null is None else self.not_null


class PlannedNames:
    """The planned state of a table's constraints or indexes in one :class:`~..ddl.spaces.Space`.

    :ivar made: the ones that are still to be made, by name.
    :ivar dropped: the ones that the catalogue has today and that will be gone, by the names that they have then.
    :ivar hidden: the same by their names of today.
    """

    def __init__(self) -> None:
        self.made: dict[str, Constraint] = {}
        self.dropped: set[str] = set()
        self.hidden: set[str] = set()
        self._live: dict[str, str] = {}

    def copy(self) -> PlannedNames:
        copied = PlannedNames()
        copied.made = {name: dict(constraint) for name, constraint in self.made.items()}
        copied.dropped, copied.hidden, copied._live = self.dropped.copy(), self.hidden.copy(), self._live.copy()
        return copied

    def add(self, name: str, constraint: Constraint) -> None:
        self.dropped.discard(name)
        self.made[name] = constraint

    def drop(self, name: str) -> None:
        if self.made.pop(name, None) is None:
            self.hidden.add(self._live.pop(name, name))
            self.dropped.add(name)
        elif name in self.hidden:
            self.dropped.add(name)

    def rename(self, old: str, new: str) -> None:
        if old in self.made:
            self.made[new] = self.made.pop(old)
        else:
            self._live[new] = self._live.pop(old, old)

    def live(self, name: str) -> str:
        """Return today's name of the object that will have this name."""
        return self._live.get(name, name)

    def shown(self, live: str) -> str:
        """Return the name that an object of today will have."""
        return next((name for name, today in self._live.items() if today == live), live)

    def rename_column(self, old: str, new: str) -> None:
        for constraint in self.made.values():
            constraint["columns"] = [new if column == old else column for column in constraint["columns"]]


@dataclass
class PlannedTable:
    """The knowledge of a table.

    :ivar live: its name of today, or the name with which it is made.
    :ivar new: it is still to be made.
    :ivar columns: the columns of which something is known, by name.
    :ivar dropped_columns: the columns of today that will be gone, by their names of today.
    :ivar triggers: the triggers that are still to be made, by plain name, each with the column that it names.
    :ivar dropped_triggers: plain names of the triggers of today that will be gone. Another table may have a trigger of
        the same name.
    """

    live: str
    new: bool = False
    columns: dict[str, PlannedColumn] = field(default_factory=dict)
    dropped_columns: set[str] = field(default_factory=set)
    names: dict[Space, PlannedNames] = field(default_factory=lambda: {space: PlannedNames() for space in Space})
    triggers: dict[str, str] = field(default_factory=dict)
    dropped_triggers: set[str] = field(default_factory=set)

    def copy(self) -> PlannedTable:
        return replace(
            self,
            columns={name: replace(column) for name, column in self.columns.items()},
            dropped_columns=self.dropped_columns.copy(),
            names={space: names.copy() for space, names in self.names.items()},
            triggers=self.triggers.copy(),
            dropped_triggers=self.dropped_triggers.copy(),
        )

    def column(self, name: str) -> PlannedColumn:
        """Return the knowledge of a column, to be changed."""
        return self.columns.setdefault(name, PlannedColumn(live=name))

    def live_column(self, name: str) -> str:
        column = self.columns.get(name)
        return name if column is None else column.live

    def shown_column(self, live: str) -> str:
        return next((name for name, column in self.columns.items() if column.live == live), live)

    def add_column(self, name: str, column: PlannedColumn) -> None:
        self.columns[name] = column

    def drop_column(self, name: str) -> None:
        if live := self.live_column(name):
            self.dropped_columns.add(live)
        self.columns.pop(name, None)

    def rename_column(self, old: str, new: str) -> None:
        self.columns[new] = self.columns.pop(old, PlannedColumn(live=old))
        for names in self.names.values():
            names.rename_column(old, new)
        self.triggers = {name: new if column == old else column for name, column in self.triggers.items()}

    def make_trigger(self, name: str, column: str) -> None:
        self.triggers[name] = column

    def drop_trigger(self, name: str) -> None:
        if self.triggers.pop(name, None) is None:
            self.dropped_triggers.add(name)
