"""What a call drops and makes again stands in one transaction, with everything that has to come in between.

A foreign key whose column changes its type, a CHECK that is replaced, a default in place of an identity: stock Django
runs all statements of a migration in one transaction, so nobody gets in while there is neither the old one nor the new
one. Only what takes its time without a lock that blocks traffic, such as a validation, comes before or after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..ddl import statements as s
from ..naming import names_in, unquote
from .context import Context
from .same_definition import Statements, renamed
from .steps import AsStock, Blocking, Short, Step, as_written

#: What replaces a dropped constraint, by its ``pg_constraint.contype``.
REPLACES: dict[str, tuple[type[s.Statement], ...]] = {
    "f": (s.AddForeignKey,),
    "c": (s.AddCheck,),
    "u": (s.AddUnique, s.AddPrimaryKey),
    "p": (s.AddUnique, s.AddPrimaryKey),
    "x": (s.AddExclusion,),
}
KINDS = {"foreign key": "f", "check": "c", "unique": "u", "primary key": "p"}
#: What gives a new row its value where an INSERT does not.
VALUES = (s.SetDefault, s.AddIdentity)
Window = tuple[int, int]


def join(statements: Statements, before: Context) -> Statements:
    """The statements of a call, those that have to stand together as one :class:`~.ddl.statements.Together`.

    :param before: from where the statements start.
    """
    windows = list(_windows(statements, before))
    replacements = [statements[end] for _, end in windows]
    result: Statements = []
    position = 0
    for start, end in _overlapping(windows):
        result += statements[position:start]
        result += _joined(statements[start : end + 1], replacements)
        position = end + 1
    return result + statements[position:]


def _windows(statements: Statements, before: Context) -> Iterator[Window]:
    """The positions of what is dropped and of what replaces it."""
    now = before.at(before.projection.copy())
    for start, drop in enumerate(statements):
        if now.protects(drop):
            end = _replacement(drop, statements[start + 1 :], now)
            if end is not None:
                yield start, start + 1 + end
        now.projection.apply(drop)


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
    """The columns of a new constraint; empty where its text does not tell."""
    match made:
        case s.AddForeignKey():
            return {unquote(made.column)}
        case s.AddUnique() | s.AddPrimaryKey():
            return set(names_in(made.columns))
        case s.AddCheck():
            return set(names_in(made.check))
    return set()


def _overlapping(windows: Iterable[Window]) -> list[Window]:
    """Windows that overlap become one."""
    joined: list[Window] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _joined(statements: Statements, replacements: Statements) -> Statements:
    """The statements of a window, and before and after it those that need not stand in its transaction."""
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
            # The default with which a column is filled stays until it is filled.
            can_wait = (statement.table, statement.column) in filled
        (early if isinstance(statement, s.DropIndex) else late if can_wait else inside).append(statement)
    return [*early, s.Together(sql="", statements=tuple(inside)), *late]


def _can_wait(statement: s.Statement, later: Statements, replacements: Statements) -> bool:
    """Whether an index can be built after the window: it replaces nothing, and no foreign key needs it."""
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
    """The steps of a statement that go into a common transaction, and those that come after it.

    A statement whose safe form cannot be divided so stands there as it was written: its table is locked anyway.
    """
    short = next((n for n, step in enumerate(steps) if not _is_short(step)), len(steps))
    inside, after = list(steps[:short]), list(steps[short:])
    if isinstance(statement, s.SetNotNull) or any(map(_is_short, after)):
        fill = [statement.fill] if isinstance(statement, s.SetNotNull) and statement.fill else []
        return [as_written(x, Blocking) for x in (*fill, statement)], []
    return inside, after


def _is_short(step: Step) -> bool:
    return isinstance(step, (Short, AsStock))
