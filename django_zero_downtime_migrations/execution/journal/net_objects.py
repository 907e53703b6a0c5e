"""The objects that a row of queries has made, changed and dropped; ``net`` fills these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Form = Callable[..., Any]


@dataclass(eq=False)
class Made:
    """An object.

    :ivar key: the key of the call that has changed it last.
    :ivar sql: the query that has changed it last.
    :ivar form: the question about the query that has made it; None if it existed before.
    :ivar parts: the names in that query, as they are by now.
    :ivar changes: the last query of each aspect; for columns only.
    :ivar changed: its columns have changed since its creation; for tables only.
    :ivar unsure: its state is unknown, for example since the user's own SQL mentions it.
    :ivar neutral: it is as it was before the first query, so it does not tell whether any query was sent.
    :ivar number: the query's place in the order in which the queries were sent.
    """

    key: str
    sql: str
    form: Form | None = None
    parts: dict[str, str] = field(default_factory=dict)
    changes: dict[str, Made] = field(default_factory=dict)
    changed: bool = False
    unsure: bool = False
    neutral: bool = False
    number: int = 0


@dataclass(eq=False)
class NetTable:
    """A table.

    :ivar name: its last name, as in SQL.
    :ivar itself: its own entry; None if no query has made or renamed it.
    :ivar gone: the objects that it had, by kind and name, with the queries that dropped them.
    """

    name: str
    itself: Made | None = None
    columns: dict[str, Made] = field(default_factory=dict)
    constraints: dict[str, Made] = field(default_factory=dict)
    indexes: dict[str, Made] = field(default_factory=dict)
    triggers: dict[str, Made] = field(default_factory=dict)
    gone: dict[tuple[str, str], Made] = field(default_factory=dict)

    def objects(self) -> Iterator[Made]:
        yield from (self.itself,) if self.itself else ()
        for kind in (self.columns, self.constraints, self.indexes, self.triggers, self.gone):
            yield from kind.values()
