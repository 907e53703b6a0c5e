"""What a row of queries has made, changed and taken away; ``net`` fills these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Form = Callable[..., Any]


@dataclass(eq=False)
class Made:
    """An object.

    :ivar key: of the call that has changed it last. :ivar sql: the query that has.
    :ivar form: the question about the query that has made it, None where it was there before.
    :ivar parts: the names in that query, as they are by now.
    :ivar changes: of a column: the last query of each aspect.
    :ivar changed: a table whose columns are not those of its creation.
    :ivar unsure: the user's own SQL mentions it.
    :ivar neutral: it is as it was before the first query, so that it tells nothing of whether any was sent.
    :ivar number: of the query, in the order in which they were sent.
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
    """:ivar name: as in SQL, the last one.

    :ivar gone: by kind and name, what it had, and the query that took it away.
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
