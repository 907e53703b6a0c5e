"""The names of a table's constraints and indexes as they will be once what is planned has run."""

from __future__ import annotations

from typing import Any

Constraint = dict[str, Any]


class PlannedNames:
    """What becomes of the constraints or indexes of tables in one :class:`~..ddl.spaces.Space`.

    :ivar made: those that are still to be made, by table and name.
    :ivar dropped: those that the catalogue has today and that will be gone, by the names that they have then.
    """

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Constraint]] = {}
        self.dropped: set[tuple[str, str]] = set()
        self._hidden: set[tuple[str, str]] = set()
        self._live: dict[tuple[str, str], str] = {}

    def copy(self) -> PlannedNames:
        copied = PlannedNames()
        copied.dropped, copied._hidden, copied._live = self.dropped.copy(), self._hidden.copy(), self._live.copy()
        for table, named in self.made.items():
            copied.made[table] = {name: dict(constraint) for name, constraint in named.items()}
        return copied

    def add(self, table: str, name: str, constraint: Constraint) -> None:
        self.dropped.discard((table, name))
        self.made.setdefault(table, {})[name] = constraint

    def drop(self, table: str, name: str) -> None:
        if self.made.get(table, {}).pop(name, None) is None:
            self._hidden.add((table, self._live.pop((table, name), name)))
            self.dropped.add((table, name))
        elif self.hides(table, name):
            self.dropped.add((table, name))

    def rename(self, table: str, old: str, new: str) -> None:
        planned = self.made.get(table, {})
        if old in planned:
            planned[new] = planned.pop(old)
        else:
            self._live[(table, new)] = self._live.pop((table, old), old)

    def has(self, table: str, name: str) -> bool:
        return name in self.made.get(table, {})

    def hides(self, table: str, live: str) -> bool:
        """Whether one of today will be gone, even if a new one has its name."""
        return (table, live) in self._hidden

    def hidden(self, table: str) -> frozenset[str]:
        return frozenset(name for its, name in self._hidden if its == table)

    def live(self, table: str, name: str) -> str:
        """Today's name of one that will have this name."""
        return self._live.get((table, name), name)

    def shown(self, table: str, live: str) -> str:
        """The name that one of today will have."""
        for (renamed, name), today in self._live.items():
            if renamed == table and today == live:
                return name
        return live

    def rename_table(self, old: str, new: str) -> None:
        for keyed in (self.dropped, self._hidden):
            move(keyed, old, new)
        for table, name in [key for key in self._live if key[0] == old]:
            self._live[(new, name)] = self._live.pop((table, name))
        if old in self.made:
            self.made[new] = self.made.pop(old)

    def rename_column(self, table: str, old: str, new: str) -> None:
        for constraint in self.made.get(table, {}).values():
            constraint["columns"] = [new if column == old else column for column in constraint["columns"]]


def move(keyed: set[tuple[str, str]], old: str, new: str) -> None:
    """Give what is known by table and name the new name of its table."""
    moved = {(new, name) for table, name in keyed if table == old}
    keyed -= {(old, name) for _, name in moved}
    keyed |= moved
