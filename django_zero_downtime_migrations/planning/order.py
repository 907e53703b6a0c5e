"""The order of a call's statements: new objects are made before old ones are dropped, and unchanged ones are kept.

Django often drops a foreign key or ``_like`` index and makes it again on alterations that do not change it, and drops
the old index before it builds the new one. Inside one transaction other sessions do not see that; in separate steps it
would be a window without protection.
"""

from __future__ import annotations

from ..catalog.changes import apply
from ..ddl import statements as s
from ..naming import Names, names_in, renamed_in, unquote
from ..type_changes import Effect
from .context import Context
from .online import online
from .same_definition import Statements, renamed, same_index, same_key

Made = s.AddForeignKey | s.CreateIndex | s.AddUnique | s.AddPrimaryKey
#: Objects that are dropped for another one that takes their place, and maybe their name. A check has a set of its own.
KEPT = (s.DropForeignKey, s.DropIndex, s.DropConstraint)
OF_INDEXES = (s.CreateIndex, s.AddUnique, s.AddPrimaryKey)
MADE = (s.CreateIndex, s.AddUnique, s.AddPrimaryKey, s.AddForeignKey)
#: Statements that cannot be passed: they need what is dropped before to be gone, or rename what is referred to.
BARRIERS = (s.AlterColumns, s.DropColumn, s.DropTable, s.RenameTable, s.SetTablespace, s.Raw)
RENAMES = (s.RenameConstraint, s.RenameIndex)


def arrange(statements: Statements, before: Context, after: Context) -> Statements:
    """Put the statements in order.

    :param before: the context in which the statements begin.
    :param after: the context in which they end.
    """
    statements = _null_before_default(_join_fills(_join_defaults(statements, after), after))
    if any(isinstance(statement, (s.DropIndex, s.DropConstraint)) for statement in statements):
        statements = _keep_what_stays(statements, before)
        statements = _make_before_drop(statements, after)
    return _foreign_keys_last(statements, after)


def _join_defaults(statements: Statements, context: Context) -> Statements:
    """Attach DROP DEFAULT to the ADD COLUMN before it: one wait for the lock."""
    drops = {(x.table, x.column): x for x in statements if isinstance(x, s.DropDefault) and context.protects(x)}
    joined = [
        x.named(drop_default=drops.get((x.table, x.column))) if isinstance(x, s.AddColumn) else x for x in statements
    ]
    used = {id(x.drop_default) for x in joined if isinstance(x, s.AddColumn)}
    return [x for x in joined if id(x) not in used]


def _join_fills(statements: Statements, context: Context) -> Statements:
    """Attach an UPDATE of the NULLs to the SET NOT NULL that follows it."""
    fills = {(x.table, x.column): x for x in statements if isinstance(x, s.FillNulls) and context.protects(x)}
    joined: Statements = []
    for statement in statements:
        if isinstance(statement, s.SetNotNull) and (statement.table, statement.column) in fills:
            statement = statement.named(fill=fills[statement.table, statement.column])
        joined.append(statement)
    used = {id(x.fill) for x in joined if isinstance(x, s.SetNotNull)}
    return [x for x in joined if id(x) not in used]


def _null_before_default(statements: Statements) -> Statements:
    """Put DROP NOT NULL first, so that at each moment a column takes NULL or has a default, if it takes NULL in the
    end.
    """
    result = list(statements)
    for null in [x for x in statements if isinstance(x, s.DropNotNull)]:
        column = (null.table, null.column)
        drop = next((x for x in result if isinstance(x, s.DropDefault) and (x.table, x.column) == column), None)
        if drop is not None and _position(result, drop) < _position(result, null):
            del result[_position(result, null)]
            result.insert(_position(result, drop), null)
    return result


def _keep_what_stays(statements: Statements, before: Context) -> Statements:
    """Take out each pair of a drop and a later add of the same definition; if only the name differs, rename."""
    result = list(statements)
    now = before.at(before.projection.copy())
    for drop in statements:
        if isinstance(drop, KEPT) and now.protects(drop):
            _keep(drop, result, now)
        apply(now.projection, drop)
    return result


def _keep(drop: s.DropConstraint | s.DropIndex, result: Statements, context: Context) -> None:
    later = result[_position(result, drop) :]
    if isinstance(drop, s.DropForeignKey):
        same, others = _keys_like(drop, later, context)
    else:
        same, others = _indexes_like(drop, later, context)
    if same is not None:
        if not _blocked(_between(result, drop, same), drop.table, context):
            renamed = [] if same.name == drop.name else [_renamed_key(drop, same)]
            end = _position(result, same)
            result[end : end + 1] = renamed
            del result[_position(result, drop)]
        return
    for add in others:
        if add.name == drop.name and not _blocked(_between(result, drop, add), drop.table, context):
            _replace_under_another_name(drop, add, result, context)
            return


def _keys_like(drop: s.DropForeignKey, later: Statements, context: Context) -> tuple[Made | None, list[Made]]:
    """Return the statement that makes the dropped foreign key again, and all that make one on its table."""
    live = context.catalog.constraint(drop.table, drop.name)
    made: list[Made] = []
    same: Made | None = None
    for add in later:
        if isinstance(add, s.AddForeignKey) and add.table == drop.table:
            made.append(add)
            if same is None and live and same_key(live, add, later, context):
                same = add
    return same, made


def _indexes_like(
    drop: s.DropConstraint | s.DropIndex, later: Statements, context: Context
) -> tuple[Made | None, list[Made]]:
    """Return the statement that makes the dropped index again, and all that make one of its name.

    An index and a constraint have the same name if the server cuts both to the same bytes.
    """
    made: list[Made] = []
    same: Made | None = None
    for add in later:
        if isinstance(add, OF_INDEXES) and (add.table, add.name) == (drop.table, drop.name):
            made.append(add)
            if same is None and _made_anew(drop, add, later, context):
                same = add
    return same, made


def _made_anew(drop: s.DropConstraint | s.DropIndex, add: Made, between: Statements, context: Context) -> bool:
    """Return whether an index or a unique constraint is the same as the dropped one."""
    live = context.catalog.index(drop.table, drop.name)
    if live is None or isinstance(drop, s.DropIndex) is live.of_constraint:
        return False
    if isinstance(drop, s.DropIndex):
        return isinstance(add, s.CreateIndex) and same_index(live, add, between)
    constraint = context.catalog.constraint(drop.table, drop.name)
    if constraint is None or not isinstance(add, s.AddUnique) or add.deferrable or add.nulls_distinct:
        return False
    # The server states what differs from the default: NULLS NOT DISTINCT before the columns, the rest behind them.
    plain = constraint.kind == "u" and constraint.definition.startswith("UNIQUE (") and not constraint.deferrable
    columns = tuple(names_in(add.columns))
    index = s.CreateIndex(sql="", table=add.table, name=add.name, columns=columns, unique=True, plain=add.plain)
    return plain and same_index(live, index, between)


def _between(result: Statements, start: s.Statement, end: s.Statement) -> Statements:
    return result[_position(result, start) + 1 : _position(result, end)]


def _position(statements: Statements, statement: s.Statement) -> int:
    return next(i for i, x in enumerate(statements) if x is statement)


def _replace_under_another_name(drop: s.Statement, add: Made, result: Statements, context: Context) -> None:
    """Make the new object under a temporary name, drop the old one, and give its name to the new one."""
    other = context.names.successor(add.name)
    made = add.named(name=other, sql=renamed_in(add.sql, other))
    position = _position(result, add)
    result[position : position + 1] = [made, drop, _renamed_back(add, other)]
    del result[_position(result, drop)]


def made_first(drops: Statements, made: Statements, names: Names) -> Statements:
    """Arrange what one operation drops and a later one makes, so that one of them exists at every moment, and the old
    one for as long as it is not known whether the rows suit the new one.

    :func:`arrange` handles an index or unique constraint in the place of another, ``together`` an exclusion constraint:
    it has no safe form to make it in.
    """
    add = next((x for x in made if isinstance(x, (s.AddCheck, s.AddUnique, s.CreateIndex))), None)
    if add is None or not any(_one_is_a_check(x, add) for x in drops):
        return [*drops, *made]
    position = _position(made, add)
    before, after = made[:position], made[position + 1 :]
    if all(x.name != add.name for x in drops if isinstance(x, (s.DropConstraint, s.DropIndex))):
        return [*before, add, *drops, *after]
    other = names.successor(add.name)
    new = add.named(name=other, sql=renamed_in(add.sql, other))
    return [*before, new, *drops, _renamed_back(add, other), *after]


def _one_is_a_check(drop: s.Statement, add: s.Statement) -> bool:
    if isinstance(add, s.AddCheck):
        return isinstance(drop, (s.DropConstraint, s.DropIndex))
    return isinstance(drop, s.DropConstraint) and drop.kind not in ("unique", "primary key", "foreign key")


def _renamed_back(add: s.AddCheck | Made, other: str) -> s.Statement:
    """Return the rename that gives an object its own name.

    :param add: what has been made under another name.
    """
    if isinstance(add, s.CreateIndex):
        sql = f"ALTER INDEX {other} RENAME TO {add.name}"
        return s.RenameIndex(sql=sql, table=add.table, name=other, new_name=add.name)
    return _rename_constraint(add, other, add.name)


def _rename_constraint(of: s.Statement, name: str, new_name: str) -> s.RenameConstraint:
    """Return the rename of a constraint.

    :param of: the statement that makes or drops it.
    """
    table = of.table
    sql = f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {new_name}"
    kind = "unique" if isinstance(of, OF_INDEXES) else "check" if isinstance(of, s.AddCheck) else "foreign key"
    return s.RenameConstraint(sql=sql, table=table, name=name, new_name=new_name, kind=kind)


def _renamed_key(drop: s.Statement, same: Made) -> s.Statement:
    assert isinstance(drop, s.DropForeignKey) and isinstance(same, s.AddForeignKey)
    why = f"the foreign key of {same.column} stays; only its name changes"
    return _rename_constraint(drop, drop.name, same.name).named(why=why)


def _blocked(between: Statements, table: str, context: Context) -> bool:
    """Return whether a statement between a drop and an add needs the drop to have happened."""
    for statement in between:
        # It is not known what the user's own SQL is about.
        if isinstance(statement, BARRIERS) and statement.table in (table, ""):
            return True
        if isinstance(statement, s.SetType) and not _keeps_what_belongs(statement, context):
            return True
    return False


def _keeps_what_belongs(statement: s.SetType, context: Context) -> bool:
    """Return whether it leaves the indexes and foreign keys of its column, or handles them itself."""
    return _keeps_files(statement, context) or online(statement, context).shadow is not None


def _keeps_files(statement: s.SetType, context: Context) -> bool:
    change = context.type_change(statement)
    return change is not None and change.effect in (Effect.NOTHING, Effect.CATALOGUE)


def _make_before_drop(statements: Statements, context: Context) -> Statements:
    """Move each drop of an index, unique constraint, primary or foreign key behind what the call makes on the same
    table.
    """
    result = list(statements)
    for drop in statements:
        protection = isinstance(drop, (s.DropIndex, s.DropForeignKey)) or (
            isinstance(drop, s.DropConstraint) and drop.kind in ("unique", "primary key")
        )
        if not protection or not isinstance(drop, KEPT) or not context.protects(drop):
            continue
        start = end = _position(result, drop)
        for position in range(start + 1, len(result)):
            if isinstance(result[position], MADE) and result[position].table == drop.table:
                between = result[start + 1 : position]
                if _blocked(between, drop.table, context) or _forbids_a_fill(drop, between, context):
                    break
                if any(isinstance(x, RENAMES) and x.new_name == drop.name for x in between):
                    # An object made under another name gets the name of the dropped one.
                    break
                end = position
        result.insert(end, result.pop(start))
    return result


def _forbids_a_fill(drop: s.Statement, between: Statements, context: Context) -> bool:
    """Return whether NULLs of a column are filled in between, although what is dropped may forbid the value or a second
    one.
    """
    filled = {unquote(x.column) for x in between if isinstance(x, s.SetNotNull) and x.fill and x.table == drop.table}
    if not filled or not isinstance(drop, KEPT):
        return False
    if isinstance(drop, s.DropIndex):
        index = context.catalog.index(drop.table, drop.name)
        return bool(index and index.unique and filled & {*renamed(sorted(index.touches), between, drop.table)})
    constraint = context.catalog.constraint(drop.table, drop.name)
    return constraint is None or bool(filled & {*renamed(constraint.columns, between, drop.table)})


def _foreign_keys_last(statements: Statements, context: Context) -> Statements:
    """Put a foreign key after the index that serves it, and one that locks a table in use after all that is made for
    new tables.
    """
    result = list(statements)
    for key in [x for x in statements if isinstance(x, s.AddForeignKey) and context.protects(x)]:
        start = _position(result, key)
        later = [
            position
            for position in range(start + 1, len(result))
            if isinstance(result[position], (s.CreateIndex, s.AddUnique))
            and (result[position].table == key.table or not context.protects(result[position]))
        ]
        if later:
            result.insert(later[-1], result.pop(start))
    return result
