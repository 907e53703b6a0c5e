"""A call's drop and the statement that replaces it stand in one transaction, with everything in between.

A foreign key whose column changes its type, a CHECK that is replaced, a default in place of an identity: stock Django
runs all statements of a migration in one transaction, so other sessions never see a moment with neither the old one nor
the new one. Only a long statement without a lock that blocks traffic, such as a validation, comes before or after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..catalog.changes import apply
from ..ddl import statements as s
from ..errors import CannotMigrate
from ..naming import names_in, unquote
from .context import Context
from .kinds import AsStock, Blocking, Short, Step
from .same_definition import Statements, renamed
from .steps import as_written

#: The statements that replace a dropped constraint, by its ``pg_constraint.contype``.
REPLACES: dict[str, tuple[type[s.Statement], ...]] = {
    "f": (s.AddForeignKey,),
    "c": (s.AddCheck,),
    "u": (s.AddUnique, s.AddPrimaryKey),
    "p": (s.AddUnique, s.AddPrimaryKey),
    "x": (s.AddExclusion,),
}
KINDS = {"foreign key": "f", "check": "c", "unique": "u", "primary key": "p"}
#: The statements that give a new row its value if an INSERT does not.
VALUES = (s.SetDefault, s.AddIdentity)
Window = tuple[int, int]
SHOWING = (s.ShowBoth, s.ShowNoMore)
#: The statements that take a moment, and lock one table.
RENAMING = (s.RenameColumn, s.RenameConstraint, s.RenameIndex, s.RenameTable, s.SetComment, s.Owe, s.OweNoMore)


def join(statements: Statements, before: Context) -> Statements:
    """Return the statements of a call, with :class:`~.ddl.statements.Together` for those that need one transaction.

    :param before: the context in which the statements begin.
    """
    if any(isinstance(x, SHOWING) for x in statements):
        return [_shown(statements)]
    windows = list(_windows(statements, before))
    replacements = [statements[end] for _, end in windows]
    result: Statements = []
    position = 0
    for start, end in _overlapping(windows):
        result += statements[position:start]
        result += _joined(statements[start : end + 1], replacements)
        position = end + 1
    return result + statements[position:]


def _shown(statements: Statements) -> s.Together:
    """Put all in one transaction, so that at each moment a name belongs to a table or a view.

    :raises CannotMigrate: when something is not done in a moment.
    """
    if slow := next((x for x in statements if not isinstance(x, (*SHOWING, *RENAMING))), None):
        raise CannotMigrate(
            f"{slow.table} gets a view for the code that knows the old name, which takes a moment, and this may take "
            f"longer: {slow.sql}. Do it in a migration before, or, when no old code runs, rename with "
            'OLD_CODE = "absent".'
        )
    return s.Together(sql="", statements=tuple(statements))


def _windows(statements: Statements, before: Context) -> Iterator[Window]:
    """Yield the positions of what is dropped and of what replaces it."""
    now = before.at(before.projection.copy())
    for start, drop in enumerate(statements):
        if now.protects(drop):
            end = _replacement(drop, statements[start + 1 :], now)
            if end is not None:
                yield start, start + 1 + end
        apply(now.projection, drop)


def _replacement(drop: s.Statement, later: Statements, context: Context) -> int | None:
    for position, made in enumerate(later):
        if made.table == drop.table and _replaces(made, drop, later[:position], context):
            return position
    return None


def _replaces(made: s.Statement, drop: s.Statement, between: Statements, context: Context) -> bool:
    if isinstance(drop, (s.DropDefault, s.DropIdentity)):
        columns = renamed([unquote(drop.column)], between, drop.table)
        return isinstance(made, VALUES) and columns == (unquote(made.column),)
    if not isinstance(drop, s.DropConstraint):
        return False
    live = context.catalog.constraint(drop.table, drop.name)
    if not isinstance(made, REPLACES.get(live.kind if live else KINDS.get(drop.kind, ""), ())):
        return False
    columns = renamed(live.columns, between, drop.table) if live else ()
    return not columns or not (own := _columns(made)) or not own.isdisjoint(columns)


def _columns(made: s.Statement) -> set[str]:
    """Return the columns of a new constraint; empty if its text does not tell."""
    match made:
        case s.AddForeignKey():
            return {unquote(made.column)}
        case s.AddUnique() | s.AddPrimaryKey():
            return set(names_in(made.columns))
        case s.AddCheck():
            return set(names_in(made.check))
    return set()


def _overlapping(windows: Iterable[Window]) -> list[Window]:
    """Merge overlapping windows."""
    joined: list[Window] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _joined(statements: Statements, replacements: Statements) -> Statements:
    """Return the statements of a window, and before and after it the ones that need not stand in its transaction."""
    early: Statements = []
    inside: Statements = []
    late: Statements = []
    filled: set[tuple[str, str]] = set()
    waiting = [x for n, x in enumerate(statements) if _can_wait(x, statements[n + 1 :], replacements)]
    with_key = any(isinstance(x, s.AddPrimaryKey) and not _is_one_of(x, waiting) for x in statements)
    for statement in statements:
        can_wait = _is_one_of(statement, waiting)
        if isinstance(statement, (s.SetNotNull, s.FillNulls)) and not with_key:
            filled.add((statement.table, statement.column))
            can_wait = True
        elif isinstance(statement, s.DropDefault):
            # The default that fills a column stays until the column is filled.
            can_wait = (statement.table, statement.column) in filled
        (early if isinstance(statement, s.DropIndex) else late if can_wait else inside).append(statement)
    return [*early, s.Together(sql="", statements=tuple(inside)), *late]


def _can_wait(statement: s.Statement, later: Statements, replacements: Statements) -> bool:
    """Return whether an index can be built after the window: it replaces nothing, and no foreign key needs it."""
    if isinstance(statement, s.CreateIndex):
        return True
    if not isinstance(statement, (s.AddUnique, s.AddPrimaryKey)) or _is_one_of(statement, replacements):
        return False
    columns = names_in(statement.columns)
    keys = [x for x in later if isinstance(x, s.AddForeignKey) and x.to_table == statement.table]
    return not any(unquote(key.to_column) in columns for key in keys)


def _is_one_of(statement: s.Statement, others: Statements) -> bool:
    return any(statement is other for other in others)


def separate(statement: s.Statement, steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """Return the steps of a statement that go into a common transaction, and the ones that come after it.

    If the safe form of a statement cannot be divided so, it stands there as written: its table is locked anyway.
    """
    short = next((n for n, step in enumerate(steps) if not _is_short(step)), len(steps))
    inside, after = list(steps[:short]), list(steps[short:])
    if isinstance(statement, s.SetNotNull) or any(map(_is_short, after)):
        fill = [statement.fill] if isinstance(statement, s.SetNotNull) and statement.fill else []
        return [as_written(x, Blocking) for x in (*fill, statement)], []
    return inside, after


def _is_short(step: Step) -> bool:
    return isinstance(step, (Short, AsStock))
