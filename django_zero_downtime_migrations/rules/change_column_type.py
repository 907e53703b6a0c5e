"""A change of type or collation that reads or writes rows; the catalogue decides, not the name of the type."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import CannotMigrate, Unsafe
from ..findings import Kind
from ..naming import unquote
from ..planning.context import Context
from ..planning.online import is_way_back, left_behind, online
from ..planning.rule import Rule
from ..type_changes import Effect, TypeChange

RULE = Rule(
    code="ALTER_COLUMN_TYPE",
    text=Unsafe.ALTER_COLUMN_TYPE,
    kind=Kind.LOCK,
    when="the type or collation of a column changes in a way that is not a catalogue change only",
    effect="the table is scanned or rewritten, or indexes are rebuilt, under ACCESS EXCLUSIVE",
    instead=(
        "add a new column of the new type without a default, write to both, copy every row in batches, switch the code "
        "over, and drop the old column"
    ),
)
DOES = {
    Effect.SCAN: "the whole table is scanned",
    Effect.INDEX_REBUILD: "indexes are rebuilt",
    Effect.REWRITE: "the whole table and its indexes are rewritten",
}


@RULE.check(s.SetType)
def check(statement: s.SetType, context: Context) -> str | None:
    if not statement.plain:
        column = f"{statement.table}.{statement.column}"
        return f"{column} is altered in a way that is not known to be free: {context.text(statement)}"
    change = context.type_change(statement)
    if change is None or change.effect in (Effect.NOTHING, Effect.CATALOGUE):
        return None
    because = f" ({'; '.join(change.because)})" if change.because else ""
    if change.effect is Effect.REFUSED:
        if give_up := left_behind(statement, context):
            raise CannotMigrate(
                f"An earlier run has begun to replace {statement.column} of {statement.table}, and nothing tells how "
                "far it came: it had no journal, or that is gone. Take away what it has made, which loses no value, "
                f"and run the migration again: {give_up} Nothing was changed."
            )
        raise CannotMigrate(
            f"{statement.column} of {statement.table} cannot become {change.new_type}: PostgreSQL refuses it{because}. "
            f"Drop what depends on the column first and make it again afterwards{_drops(statement, context)}; nothing "
            "was changed."
        )
    way = online(statement, context)
    if way.shadow is not None:
        # rules/online_type_change.py
        return None
    change_text = f"{statement.table}.{statement.column} from {change.old_type} to {change.new_type}"
    not_online = f"; it cannot be done online: {'; '.join(way.why_not)}" if way.why_not else _hint(change, context)
    return f"{change_text}: {DOES[change.effect]} under ACCESS EXCLUSIVE{because}{not_online}"


def _hint(change: TypeChange, context: Context) -> str:
    """Return the setting that may help."""
    asked = context.settings.online_type_changes
    possible = change.keeps_values or is_way_back(change, context)
    return "" if asked or not possible else "; with ONLINE_TYPE_CHANGES it may be done online"


def _drops(statement: s.SetType, context: Context) -> str:
    """Say what to type; empty if the column has no dependents that would have to be dropped."""
    dependents = context.catalog.dependents("column", statement.table, unquote(statement.column))
    return ": " * bool(dependents) + "; ".join(x.drop for x in dependents if x.drop)
