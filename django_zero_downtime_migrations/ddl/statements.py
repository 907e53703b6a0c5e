"""DDL as Django meant it, one small class per kind of statement.

Tables, columns and names are SQL text, quoted as in the statement. ``locks()`` and the claims of :class:`Statement` say
what the statement does to a table in use when it is sent as it is; they are compared with ``pg_locks`` by
``tests/operations``.
"""

from __future__ import annotations

from ..locks import Lock, LockMode
from .constraints import AddCheck as AddCheck
from .constraints import AddConstraint as AddConstraint
from .constraints import AddExclusion as AddExclusion
from .constraints import AddForeignKey as AddForeignKey
from .constraints import AddPrimaryKey as AddPrimaryKey
from .constraints import AddUnique as AddUnique
from .constraints import CreateIndex as CreateIndex
from .constraints import DropConstraint as DropConstraint
from .constraints import DropForeignKey as DropForeignKey
from .constraints import DropIndex as DropIndex
from .constraints import RenameConstraint as RenameConstraint
from .constraints import RenameIndex as RenameIndex
from .constraints import ValidateConstraint as ValidateConstraint
from .owed import DEFAULT as DEFAULT
from .owed import FILLED as FILLED
from .owed import REMOVED as REMOVED
from .owed import RENAMED as RENAMED
from .owed import BeginToPay as BeginToPay
from .owed import Owe as Owe
from .owed import OweNoMore as OweNoMore
from .owed import Pairs as Pairs
from .owed import ShowBoth as ShowBoth
from .owed import ShowNoMore as ShowNoMore
from .statement import PYTHON_DEFAULT as PYTHON_DEFAULT
from .statement import Params as Params
from .statement import Statement as Statement
from .template import SQL


class CreateTable(Statement):
    """Create a table.

    :param if_missing: there may be such a table already.
    """

    if_missing: bool = False
    mode = None


class DropTable(Statement):
    pass


class RenameTable(Statement):
    """Rename a table.

    :param is_shown: as in :class:`RenameColumn`.
    """

    new_table: str
    is_shown: bool = False

    def locks(self) -> tuple[Lock, ...]:
        return (Lock(self.table, LockMode.ACCESS_EXCLUSIVE, only=True),)


class SetTablespace(Statement):
    """Move a table to another tablespace, which copies it."""


class AddColumn(Statement):
    """Add a column.

    :param definition: the pieces of the column's definition, in order; ``"".join`` gives its text.
    :param to_table: the table behind its inline foreign key; empty without one.
    :param drop_default: the statement that drops the default, as Django does with a Python default.
    """

    column: str
    definition: tuple[str, ...]
    to_table: str = ""
    drop_default: DropDefault | None = None

    @property
    def text(self) -> str:
        return "".join(self.definition)

    def may_rewrite(self, plain_types: set[str]) -> bool:
        """Return whether the definition leaves open that each row gets a value of its own.

        :param plain_types: types that are known not to be domains.
        """
        kind = self.definition[0].partition("(")[0].removesuffix("[]")
        expression = any(piece.startswith(("DEFAULT (", "GENERATED")) for piece in map(str.strip, self.definition))
        return expression or kind not in plain_types

    @property
    def python_default(self) -> bool:
        return any(isinstance(piece, SQL) and piece.template == PYTHON_DEFAULT for piece in self.definition)

    @property
    def foreign_key(self) -> SQL | None:
        """The inline ``REFERENCES`` clause."""
        return next(
            (p for p in self.definition if isinstance(p, SQL) and p.template == "sql_create_column_inline_fk"), None
        )

    def locks(self) -> tuple[Lock, ...]:
        own = Lock(self.table, LockMode.ACCESS_EXCLUSIVE)
        if self.to_table in ("", self.table):
            return (own,)
        return (own, Lock(self.to_table, LockMode.SHARE_ROW_EXCLUSIVE))

    def has(self, clause: str) -> bool:
        """Whether a piece of the definition is this clause or begins with it (``NOT NULL``, ``DEFAULT``)."""
        return any(f"{piece.strip()} ".startswith(clause + " ") for piece in self.definition)


class DropColumn(Statement):
    column: str


class RenameColumn(Statement):
    """Rename a column.

    :param is_shown: the old name is not missed: it stays as well, in a view, or old code does not run.
    """

    column: str
    new_column: str
    is_shown: bool = False


class AlterColumn(Statement):
    """One ``ALTER COLUMN`` action."""

    column: str


class SetType(AlterColumn):
    """Change a column's type.

    :param plain: the action is Django's ordinary one, without unknown clauses.
    """

    type: str
    collation: str | None
    using: bool
    plain: bool = True


class SetDefault(AlterColumn):
    pass


class DropDefault(AlterColumn):
    pass


class SetNotNull(AlterColumn):
    """Make a column NOT NULL.

    :param fill: the UPDATE that has to have given every row a value before.
    """

    fill: FillNulls | None = None
    scans_table = True


class DropNotNull(AlterColumn):
    pass


class AlterColumns(Statement):
    """Several actions in one ``ALTER TABLE``, or an unknown action."""

    changes: str


class FillNulls(Statement):
    """``UPDATE … SET column = default WHERE column IS NULL`` over the whole table."""

    column: str
    default: str
    mode = LockMode.ROW_EXCLUSIVE
    scans_table = True


class UpdateRows(Statement):
    """``UPDATE table SET assignment WHERE where`` that is done in batches.

    :param first: how many of the parameters belong to the assignment.
    :param columns: the assigned columns, as in SQL.
    """

    assignment: str
    where: str
    first: int = 0
    columns: tuple[str, ...] = ()
    mode = LockMode.ROW_EXCLUSIVE
    scans_table = True


class AddIdentity(AlterColumn):
    pass


class DropIdentity(AlterColumn):
    pass


class SetComment(Statement):
    column: str | None = None
    mode = LockMode.SHARE_UPDATE_EXCLUSIVE


class AlterSequence(Statement):
    """Alter a sequence. This locks the sequence (SHARE ROW EXCLUSIVE), not the table."""

    sequence: str
    mode = None


class DropSequence(Statement):
    sequence: str
    mode = None


class Together(Statement):
    """Statements that have to stand in one transaction, by whatever name the tables are that they lock.

    Not one of Django's: the planner makes it of what a call drops and makes again.
    """

    statements: tuple[Statement, ...]
    mode = None

    def locks(self) -> tuple[Lock, ...]:
        return tuple(lock for statement in self.statements for lock in statement.locks())


class Raw(Statement):
    """Text that did not come from a template: ``RunSQL``, an extension, a collation. It is sent as it was written.

    :param concurrently: it has a statement that cannot stand in a transaction.
    """

    concurrently: bool = False
    mode = None


class Command(Statement):
    """A statement without a template of Django's that raw SQL may have: TRUNCATE, CLUSTER, LOCK TABLE …

    :param takes: its lock on the table.
    :param does: the long work that it does meanwhile; empty if it only changes the catalogue.
    """

    takes: LockMode
    does: str = ""

    def locks(self) -> tuple[Lock, ...]:
        return (Lock(self.table, self.takes),) if self.table else ()
