"""Whether a change of type is done online: with a new column that takes the place of the old one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..catalog.protocol import Catalog
from ..catalog.records import Constraint
from ..catalog.shadow import Shadow, Wanted
from ..ddl import statements as s
from ..ddl.spaces import Space
from ..naming import plain_table, quote, unquote
from ..record import Row
from ..type_changes import Effect, TypeChange

if TYPE_CHECKING:
    from .context import Context


class Online(Row):
    """The decision.

    :param shadow: the column that is made; None if the type is changed in place.
    :param why_not: sentences; empty if an online change is not enabled, or not worth it.
    """

    shadow: Shadow | None = None
    why_not: tuple[str, ...] = ()


IN_PLACE = Online()
#: The effects of a type change in place that hold up a table in use.
HOLDS_UP = (Effect.SCAN, Effect.INDEX_REBUILD, Effect.REWRITE)


def online(statement: s.SetType, context: Context) -> Online:
    """Decide: with ONLINE_TYPE_CHANGES, a change goes online if it would hold up a table in use that is not small."""
    change = context.type_change(statement)
    if not context.settings.online_type_changes or change is None or change.effect not in HOLDS_UP:
        return IN_PLACE
    if is_small(context, *_linked(statement, context)):
        return IN_PLACE
    if why_not := _of_the_plan(statement, change, context):
        return Online(why_not=(why_not,))
    shadow = _shadow(statement, context)
    if shadow is None:
        return Online(why_not=("the database does not have the column yet",))
    obstacles = shadow.why_not or tuple(_values_that_do_not_fit(statement, change, context))
    return Online(why_not=obstacles) if obstacles else Online(shadow)


class Key(Row):
    """A foreign key of the column, or to it. Tables and columns are as in SQL.

    :param name: plain name.
    :param rest: what follows the columns that it points to.
    :param of_column: it belongs to the column's own table, and to the column.
    """

    name: str
    table: str
    column: str
    to_table: str
    to_column: str
    rest: str
    valid: bool
    of_column: bool
    comment: str | None

    @property
    def tables(self) -> tuple[str, str]:
        return self.table, self.to_table

    def definition(self, column: str) -> str:
        """Return the definition with another column in the place of the one that changes its type.

        :param column: as in SQL.
        """
        own, other = (column, self.to_column) if self.of_column else (self.column, column)
        return f"FOREIGN KEY ({own}) REFERENCES {self.to_table} ({other}){self.rest}"


#: Clauses by ``pg_constraint.confdeltype``.
ON_DELETE = {
    "r": " ON DELETE RESTRICT",
    "c": " ON DELETE CASCADE",
    "n": " ON DELETE SET NULL",
    "d": " ON DELETE SET DEFAULT",
}
ON_UPDATE = {"r": " ON UPDATE RESTRICT"}


def keys_of(statement: s.SetType, context: Context) -> list[Key]:
    """Return the foreign keys in which the column takes part."""
    column = unquote(statement.column)
    catalog, found = context.catalog, list[Key]()
    for key in catalog.constraints(statement.table) + catalog.referencing(statement.table):
        of_column = key.own and column in key.columns
        to_column = column in key.to_columns and catalog.same_table(key.to_table, statement.table)
        if key.kind == "f" and not key.part and (of_column or to_column):
            found.append(_key(key, of_column))
    return list(dict.fromkeys(found))


def _key(key: Constraint, of_column: bool) -> Key:
    match = " MATCH FULL" if key.match == "f" else ""
    deferrable = " DEFERRABLE INITIALLY DEFERRED" if key.deferred else " DEFERRABLE" if key.deferrable else ""
    rest = f"{match}{ON_UPDATE.get(key.on_update, '')}{ON_DELETE.get(key.on_delete, '')}{deferrable}"
    own, other = quote(key.columns[0]), quote(key.to_columns[0])
    return Key(key.name, key.table, own, key.to_table, other, rest, key.valid, of_column, key.comment)


def _linked(statement: s.SetType, context: Context) -> list[str]:
    """Return the tables whose columns change with this one, by the names that statements have for them: all that
    foreign keys of these columns connect. Each of them goes online if any does: a type that is changed in place needs
    one transaction with the keys that are dropped for it, and so would the others.

    The database is asked as it is today: Django drops the keys at the beginning of its call.
    """
    table, projection = statement.table, context.projection
    found = dict[tuple[str, str], None]()
    ahead = [(projection.live_table(table), projection.live_column(table, unquote(statement.column)))]
    while ahead:
        here = ahead.pop()
        if here not in found:
            found[here] = None
            ahead += _other_sides(*here, context.catalog.today)
    return list(dict.fromkeys(projection.shown_table(table) for table, _ in found))


def _other_sides(table: str, column: str, today: Catalog) -> Iterator[tuple[str, str]]:
    """Yield tables and columns to which, or from which, a foreign key with the column points."""
    for key in today.constraints(table):
        for own, other in zip(key.columns, key.to_columns, strict=True) if key.kind == "f" else ():
            if key.own and own == column:
                yield key.to_table, other
            if other == column and not (key.own and not today.same_table(key.to_table, table)):
                yield (table if key.own else key.table), own


def is_small(context: Context, *tables: str) -> bool:
    """Return whether all tables together have fewer bytes than CHECK_SMALL_TABLE: a short change blocks others only
    for a moment.
    """
    limit = context.settings.check_small_table
    if not limit:
        return False
    sizes = [context.catalog.size(table).bytes for table in tables]
    return all(size is not None for size in sizes) and sum(size or 0 for size in sizes) < limit


def _of_the_plan(statement: s.SetType, change: TypeChange, context: Context) -> str:
    """Say why not, before the database is asked; empty if nothing is in the way."""
    if not statement.plain:
        return "its clauses are not those of Django"
    if not change.keeps_values and not is_way_back(change, context):
        return f"not every {change.old_type} is the same value as {change.new_type}"
    if context.in_transaction:
        return "a transaction is open around it"
    if context.together:
        return "it has to stand in one transaction with what is dropped and made again around it"
    if _changed_before(statement, context):
        return (
            "an operation before it that has not run changes what belongs to the column, which only the server can "
            "tell: put that into a migration before this one, and apply it first"
        )
    return ""


def is_way_back(change: TypeChange, context: Context) -> bool:
    """Return whether a migration is reversed that has given a column a type with more values."""
    return context.backwards and change.fits is not None


def _values_that_do_not_fit(statement: s.SetType, change: TypeChange, context: Context) -> Iterator[str]:
    """Yield sentences about the existing rows, and about the sequence that gives the next ones their value."""
    live = context.projection.live_column(statement.table, unquote(statement.column))
    if change.keeps_values or change.fits is None or not live:
        return
    column = quote(live)
    text = f"rows whose {column} is not the same value as {change.new_type}"
    where = f"{column} IS NOT NULL AND NOT ({change.fits.same.format(column)})"
    if found := context.offending(context.projection.live_table(statement.table), text, where):
        yield found
    if change.fits.ends:
        for sequence in context.catalog.sequences_outside(statement.table, unquote(statement.column), change.fits.ends):
            yield f"sequence {sequence} has, or may give, a value that does not fit: set it to one that does"


def _changed_before(statement: s.SetType, context: Context) -> bool:
    """Return whether an earlier plan changes what belongs to the column. A dropped object is not an obstacle.

    A reader that sends nothing plans the column once more when its turn comes: what Django has made of the table in
    earlier calls is then not an obstacle, and what the user's own SQL has made may be.
    """
    projection, start = context.projection, context.start
    table, column = statement.table, unquote(statement.column)
    live = projection.live_table(table)
    if projection.own_sql_names(plain_table(live)) or live != start.live_table(table):
        return True
    if projection.live_column(table, column) != start.live_column(table, column):
        return True
    made = (made for space in Space for made in projection.made(table, space) if made not in start.made(table, space))
    return any(column in constraint["columns"] for constraint in made)


def _shadow(statement: s.SetType, context: Context) -> Shadow | None:
    """Return the new column; None if the database does not have the old one."""
    projection, asked = context.projection, wanted(statement, context)
    live = projection.live_column(statement.table, asked.column)
    if not live:
        # An earlier operation is to make the column, and Django has made everything that belongs to it.
        return Shadow(type=statement.type)
    return context.shadow(statement.table, asked._replace(column=live))


def wanted(statement: s.SetType, context: Context) -> Wanted:
    """Return the question to the catalogue."""
    column, projection = unquote(statement.column), context.projection
    hidden = (projection.hidden(statement.table, space) for space in Space)
    dropped = projection.dropped_triggers(statement.table).union(*hidden)
    return Wanted(column, Beside.of(statement, context).column, statement.type, statement.collation, frozenset(dropped))


class Beside(Row):
    """The objects beside a column while another one takes its place.

    :param column: the plain name of the new column. The other names are as in SQL.
    :param triggers: for INSERT and for UPDATE.
    :param proof: the CHECK that both columns are equal.
    """

    table: str
    column: str
    triggers: tuple[str, str]
    function: str
    proof: str

    @classmethod
    def of(cls, statement: s.SetType, context: Context) -> Beside:
        names, table, column = context.names, statement.table, unquote(statement.column)
        both = f"{plain_table(table)}_{column}"
        # The server quotes such a name wherever it writes a definition, and fires triggers in the order of their names:
        # these have to see what the others have made of a row.
        marked = f"~{column}"
        return cls(
            table,
            names.temporary(marked, "new"),
            (quote(names.temporary(marked, "insert")), quote(names.temporary(marked, "update"))),
            context.catalog.beside(table, quote(names.temporary(both, "sync"))),
            quote(names.temporary(both, "same")),
        )

    def end(self) -> list[str]:
        """Return the SQL after which the columns are not kept equal any more.

        If a user has dropped some of it by hand, no value is lost: the proof refuses a row that would differ.
        """
        triggers = [f"DROP TRIGGER IF EXISTS {trigger} ON {self.table}" for trigger in self.triggers]
        return [*triggers, f"DROP FUNCTION IF EXISTS {self.function}()"]

    def give_up(self) -> list[str]:
        """Return the SQL after which only the old column is left."""
        return [*self.end(), f"ALTER TABLE {self.table} DROP COLUMN {quote(self.column)}"]


def left_behind(statement: s.SetType, context: Context) -> str:
    """Return the SQL that drops what an earlier run has left; empty if it has left nothing."""
    beside = Beside.of(statement, context)
    there = context.catalog.column(statement.table, beside.column)
    return f"{'; '.join(beside.give_up())};" if there else ""
