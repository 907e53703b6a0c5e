"""The changes that each statement makes to the :class:`~.projection.Projection`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ddl import statements as s
from ..ddl.spaces import spaces_of
from ..ddl.triggers import DropTrigger, MakeTrigger
from ..naming import names_in, plain_table, unquote
from .planned_table import PlannedColumn
from .projection import Projection


def apply(p: Projection, statement: s.Statement) -> None:
    """Have a statement happen.

    :param p: the catalogue as it is before, which becomes the catalogue after it.
    """
    p.speak_of(statement.table, getattr(statement, "to_table", ""))
    change = CHANGES.get(type(statement))
    if change is not None:
        change(p, statement)


def _create_table(p: Projection, statement: s.CreateTable) -> None:
    p.table(statement.table).new = True
    p.dropped_tables.discard(statement.table)


def _drop_table(p: Projection, statement: s.DropTable) -> None:
    p.dropped_tables.add(statement.table)
    table = p.table(statement.table)
    table.new = False
    for names in table.names.values():
        names.made.clear()


def _rename_table(p: Projection, statement: s.RenameTable) -> None:
    p.rename_table(statement.table, statement.new_table)


def _add_column(p: Projection, statement: s.AddColumn) -> None:
    default = statement.has("DEFAULT") and not statement.python_default
    kind = "".join(statement.definition[:1])
    not_null = statement.has("NOT NULL")
    column = PlannedColumn(live="", type=kind, has_default=default, made_with_default=default, made_not_null=not_null)
    p.table(statement.table).add_column(unquote(statement.column), column)
    if any(x is not None and x.hidden == statement.table for x in p.shown.values()):
        p.unseen.add((statement.table, unquote(statement.column)))


def _drop_column(p: Projection, statement: s.DropColumn) -> None:
    p.table(statement.table).drop_column(unquote(statement.column))


def _rename_column(p: Projection, statement: s.RenameColumn) -> None:
    p.table(statement.table).rename_column(unquote(statement.column), unquote(statement.new_column))


def _column(p: Projection, statement: s.AlterColumn) -> PlannedColumn:
    return p.table(statement.table).column(unquote(statement.column))


def _set_default(p: Projection, statement: s.SetDefault) -> None:
    _column(p, statement).has_default = True


def _drop_default(p: Projection, statement: s.DropDefault) -> None:
    column = _column(p, statement)
    column.has_default = column.made_with_default = False


def _set_not_null(p: Projection, statement: s.SetNotNull) -> None:
    _column(p, statement).not_null = True


def _drop_not_null(p: Projection, statement: s.DropNotNull) -> None:
    _column(p, statement).not_null = False


def _drop_identity(p: Projection, statement: s.DropIdentity) -> None:
    _column(p, statement).loses_identity = True


def _add_unique(p: Projection, statement: s.AddUnique) -> None:
    p.add_constraint(statement.table, unquote(statement.name), names_in(statement.columns), unique=True, index=True)


def _add_primary_key(p: Projection, statement: s.AddPrimaryKey) -> None:
    columns = names_in(statement.columns)
    p.add_constraint(statement.table, unquote(statement.name), columns, unique=True, primary_key=True)
    for column in columns:
        p.table(statement.table).column(column).not_null = True


def _add_foreign_key(p: Projection, statement: s.AddForeignKey) -> None:
    target = (plain_table(statement.to_table), unquote(statement.to_column))
    p.add_constraint(statement.table, unquote(statement.name), [unquote(statement.column)], foreign_key=target)


def _add_check(p: Projection, statement: s.AddCheck) -> None:
    # Only the server knows which columns a CHECK reads; Django's own are about one column, which stands quoted in it.
    columns = list(dict.fromkeys(names_in(statement.check)))
    p.add_constraint(statement.table, unquote(statement.name), columns, check=True)


def _create_index(p: Projection, statement: s.CreateIndex) -> None:
    columns = list(statement.columns or ())
    kind = {"index": True, "unique": statement.unique, "type": "idx"}
    p.add_constraint(statement.table, unquote(statement.name), columns, **kind)


def _rename_named(p: Projection, statement: s.RenameIndex | s.RenameConstraint) -> None:
    for space in spaces_of(statement):
        p.table(statement.table).names[space].rename(unquote(statement.name), unquote(statement.new_name))


def _drop_named(p: Projection, statement: s.DropIndex | s.DropConstraint) -> None:
    for space in spaces_of(statement):
        p.table(statement.table).names[space].drop(unquote(statement.name))


def _function(statement: MakeTrigger | DropTrigger) -> set[str]:
    # A journal of before the function was noted has none.
    return {plain_table(statement.function)} if statement.function else set()


def _make_trigger(p: Projection, statement: MakeTrigger) -> None:
    table, column = p.table(statement.table), unquote(statement.column)
    table.column(column).filled_by_trigger = statement.fills
    for name in statement.names:
        table.make_trigger(name, column)
    p.dropped_functions -= _function(statement)


def _drop_trigger(p: Projection, statement: DropTrigger) -> None:
    table = p.table(statement.table)
    for name in statement.names:
        table.drop_trigger(name)
    p.dropped_functions |= _function(statement)


def _owe(p: Projection, statement: s.Owe) -> None:
    p.owed[statement.owed_by] = statement


def _owe_no_more(p: Projection, statement: s.OweNoMore) -> None:
    p.owed[statement.owed_by] = None


def _show_both(p: Projection, statement: s.ShowBoth) -> None:
    p.shown[statement.table] = statement


def _show_no_more(p: Projection, statement: s.ShowNoMore) -> None:
    if statement.moves and not p.shown.get(statement.table):
        # The name belongs to a view today.
        p.rename_table(statement.hidden, statement.table)
    p.shown[statement.table] = None


def _own_sql(p: Projection, statement: s.Raw) -> None:
    p.own_sql.append(str(statement.sql))


#: Statements are missing here if the catalogue is not asked about their objects afterwards.
CHANGES: dict[type[s.Statement], Callable[[Projection, Any], None]] = {
    s.CreateTable: _create_table,
    s.DropTable: _drop_table,
    s.RenameTable: _rename_table,
    s.AddColumn: _add_column,
    s.DropColumn: _drop_column,
    s.RenameColumn: _rename_column,
    s.SetDefault: _set_default,
    s.DropDefault: _drop_default,
    s.SetNotNull: _set_not_null,
    s.DropNotNull: _drop_not_null,
    s.DropIdentity: _drop_identity,
    s.AddUnique: _add_unique,
    s.AddPrimaryKey: _add_primary_key,
    s.AddForeignKey: _add_foreign_key,
    s.AddCheck: _add_check,
    s.CreateIndex: _create_index,
    s.RenameIndex: _rename_named,
    s.RenameConstraint: _rename_named,
    s.DropIndex: _drop_named,
    s.DropConstraint: _drop_named,
    s.DropForeignKey: _drop_named,
    s.ShowBoth: _show_both,
    s.ShowNoMore: _show_no_more,
    MakeTrigger: _make_trigger,
    DropTrigger: _drop_trigger,
    s.Owe: _owe,
    s.OweNoMore: _owe_no_more,
    s.Raw: _own_sql,
}
