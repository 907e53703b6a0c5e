"""Constraints and indexes that are made, renamed and dropped."""

from __future__ import annotations

from ..locks import Lock, LockMode
from .statement import Statement


class AddConstraint(Statement):
    name: str


class AddForeignKey(AddConstraint):
    """Add a foreign key.

    :param options: what follows the referenced columns (``ON DELETE``, ``DEFERRABLE``).
    """

    column: str
    to_table: str
    to_column: str
    deferrable: str = ""
    on_delete: str = ""
    not_valid: bool = False
    mode = LockMode.SHARE_ROW_EXCLUSIVE

    @property
    def scans_table(self) -> bool:  # type: ignore[override]
        return not self.not_valid

    def locks(self) -> tuple[Lock, ...]:
        tables = dict.fromkeys((self.table, self.to_table))
        return tuple(Lock(table, LockMode.SHARE_ROW_EXCLUSIVE) for table in tables)


class AddUnique(AddConstraint):
    """Add a unique constraint.

    :param tablespace: a ``TABLESPACE …`` clause for the index; empty for the table's default.
    """

    columns: str
    deferrable: str = ""
    nulls_distinct: str = ""
    tablespace: str = ""
    plain: bool = True
    scans_table = True


class AddPrimaryKey(AddConstraint):
    columns: str
    tablespace: str = ""
    plain: bool = True
    scans_table = True


class AddCheck(AddConstraint):
    check: str
    not_valid: bool = False

    @property
    def scans_table(self) -> bool:  # type: ignore[override]
        return not self.not_valid


class AddExclusion(AddConstraint):
    scans_table = True


class ValidateConstraint(Statement):
    name: str
    mode = LockMode.SHARE_UPDATE_EXCLUSIVE


class RenameConstraint(Statement):
    """Rename a constraint.

    :param kind: as in :class:`DropConstraint`.
    :param why: what the reader of a script should know.
    """

    name: str
    new_name: str
    kind: str = ""
    why: str = ""


class DropConstraint(Statement):
    """Drop a constraint.

    :param kind: ``check``, ``unique``, ``primary key``, or ``constraint`` if the text does not tell.
    :param of_column: it is dropped because a column is.
    """

    name: str
    kind: str = "constraint"
    of_column: bool = False


class DropForeignKey(DropConstraint):
    kind: str = "foreign key"


class CreateIndex(Statement):
    """Create an index.

    :param columns: its plain column names, unquoted; None if it has expressions.
    """

    name: str
    columns: tuple[str, ...] | None
    opclasses: tuple[str, ...] = ()
    unique: bool = False
    concurrently: bool = False
    plain: bool = False
    mode = LockMode.SHARE
    scans_table = True

    def locks(self) -> tuple[Lock, ...]:
        mode = LockMode.SHARE_UPDATE_EXCLUSIVE if self.concurrently else LockMode.SHARE
        return (Lock(self.table, mode),)


class DropIndex(Statement):
    """Drop an index.

    :param of_column: it is dropped because a column is.
    """

    name: str
    concurrently: bool = False
    of_column: bool = False

    def locks(self) -> tuple[Lock, ...]:
        mode = LockMode.SHARE_UPDATE_EXCLUSIVE if self.concurrently else LockMode.ACCESS_EXCLUSIVE
        return (Lock(self.table, mode),)


class RenameIndex(Statement):
    """Rename an index. This locks the index (SHARE UPDATE EXCLUSIVE), not the table."""

    name: str
    new_name: str
    mode = None
