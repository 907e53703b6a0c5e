"""The common base of all statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..locks import Lock, LockMode
from ..record import Record

Params = Sequence[Any] | None
#: Marks the DEFAULT clause of a column that Django drops again, since it comes from a default of the Python field.
PYTHON_DEFAULT = "python_default"


class Statement(Record):
    """A statement as it reached the editor.

    :param sql: its text; it has placeholders unless ``params`` is None.
    :param table: the table that it changes; empty if there is none.
    """

    sql: str
    params: Params = None
    table: str = ""

    mode: ClassVar[LockMode | None] = LockMode.ACCESS_EXCLUSIVE
    #: Reads the whole table while holding its lock.
    scans_table: ClassVar[bool] = False

    def locks(self) -> tuple[Lock, ...]:
        return (Lock(self.table, self.mode),) if self.table and self.mode else ()
