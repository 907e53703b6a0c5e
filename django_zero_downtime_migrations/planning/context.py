"""What a rewrite or a rule may ask of the database, the settings and the code that still runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..catalog.planned import PlannedCatalog
from ..catalog.projection import Projection
from ..catalog.records import Column
from ..catalog.shadow import Shadow, Wanted
from ..compat import has_db_default
from ..ddl import statements as s
from ..ddl.spaces import Space
from ..ddl.values import with_values
from ..findings import Origin
from ..naming import Names, quote, unquote
from ..server import Capabilities
from ..settings import MigrationSettings
from ..type_changes import Effect, Gone, TypeChange
from .queries import Query
from .steps import Step


class OldCode(Protocol):
    """The models of the code that runs meanwhile. Tables are quoted, columns plain names, both of today."""

    def knows(self, table: str, column: str | None = None) -> bool:
        """Whether it has a model with this table, and a field with this column."""

    def writes_null(self, table: str, column: str) -> bool:
        """Whether its field takes None."""

    def leaves_out(self, table: str, column: str) -> bool:
        """Whether the database makes the value of its field: a default there, or an identity."""

    def keeps(self, table: str, kind: str, columns: Sequence[str], detail: str = "") -> bool:
        """Whether its models have a constraint that holds at least what this one asks for.

        :param kind: ``u``, ``f`` or ``c``, as in ``pg_constraint.contype``. :param detail: the table that a foreign key
            points to; the text of a check.
        """


@dataclass(eq=False, repr=False)
class Context:
    """Everything that a rewrite or a rule may ask.

    :param templates: Django's own ``sql_*`` templates by name.
    :param quote_value: Django's own: a parameter as SQL.
    :param is_new: whether nobody can use a table yet, since this very run made it.
    """

    catalog: PlannedCatalog
    capabilities: Capabilities
    settings: MigrationSettings
    templates: Callable[[str], str]
    quote_value: Callable[[Any], Any]
    is_new: Callable[[str], bool]
    #: The run began on an empty database: there is nothing to ask the catalogue.
    nothing_in_use: bool = False
    in_transaction: bool = False
    #: The statement has to stand in one transaction with others of its call.
    together: bool = False
    origin: Origin = field(default_factory=Origin)
    #: What Django knows to be the type of a column that it alters, by quoted table and column.
    old_types: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: What the code that still runs knows; None for ``migrate``, which cannot tell whether there is such code.
    old_code: OldCode | None = None
    #: Why no code that still runs has to be thought of; empty where it has.
    no_old_code: str = ""
    #: The reason of the SafetyAssured around the statements; empty outside of one.
    assured: str = ""
    #: App label and name of the migration that is at work; empty outside of one.
    migration: tuple[str, str] = ("", "")
    #: What stands in the database when the call comes, as far as it is known: with what earlier calls have planned for
    #: who only looks, and will have run by then.
    start: Projection = field(default_factory=Projection)
    #: The migration is taken back.
    backwards: bool = False
    #: The rows of a table for which a condition is true, as a sentence; empty where there is none. Asked for with the
    #: table, what to call them, and the condition.
    rows_where: Callable[[str, str, str], str] | None = None
    #: What the names of triggers begin with that may go and come back while the type of their column changes.
    own_triggers: str = ""
    _type_changes: dict[tuple[str, Gone, bool], TypeChange | None] = field(default_factory=dict)
    _rewriting: dict[str, bool] = field(default_factory=dict)
    _shadows: dict[tuple[str, Wanted], Shadow | None] = field(default_factory=dict)
    _offending: dict[tuple[str, str], str] = field(default_factory=dict)

    def at(self, projection: Projection) -> Context:
        """The same call at another moment of its plan; what has been asked already is not asked again."""
        return replace(self, catalog=self.catalog.at(projection))

    def text(self, statement: s.Statement) -> str:
        """The text of a statement as ``sqlmigrate`` has it: with its parameters in it, where they can be."""
        sql = str(statement.sql)
        with suppress(Exception):  # of any driver; the server will say what is wrong with the parameters
            sql = with_values(sql, statement.params, self.quote_value) if statement.params else sql
        return sql

    @property
    def names(self) -> Names:
        return self.catalog.names

    @property
    def projection(self) -> Projection:
        return self.catalog.projection

    def in_use(self, table: str) -> bool:
        return bool(table) and not self.projection.is_new(table) and not self.is_new(table)

    def protects(self, statement: s.Statement) -> bool:
        """Whether somebody may be using what the statement locks."""
        if self.nothing_in_use or isinstance(statement, s.CreateTable):
            return False
        return any(self.in_use(table) for table in self.tables(statement))

    def tables(self, statement: s.Statement) -> set[str]:
        """Every table that the statement locks; what is behind a foreign key that goes, only the catalogue knows."""
        tables = {lock.table for lock in statement.locks()} or {statement.table}
        if self.nothing_in_use or any(self.in_use(table) for table in tables):
            return tables
        match statement:
            case s.DropForeignKey():
                constraint = self.catalog.constraint(statement.table, statement.name)
                tables |= {constraint.to_table} if constraint else set()
            case s.DropTable():
                tables |= set(self.catalog.other_sides(statement.table))
            case s.DropColumn():
                tables |= set(self.catalog.other_sides(statement.table, unquote(statement.column)))
            case s.AlterSequence() | s.DropSequence():
                owner = self.catalog.sequence_owner(statement.sequence)
                tables |= {owner.table} if owner else set()
        return tables

    @property
    def plain_types(self) -> set[str]:
        """The names of the server's own types that Django's fields have: none of them is a domain."""
        types = self.catalog.connection.data_types.values()
        return {x.partition("(")[0] for x in types if isinstance(x, str)} | {"varchar", "numeric"}

    @property
    def keeps_defaults(self) -> bool:
        """KEEP_DEFAULT, from before ``db_default``: what Django takes away after a Python default stays."""
        return self.settings.keep_default and not has_db_default

    def column(self, statement: s.AlterColumn | s.DropColumn) -> Column | None:
        return self.catalog.column(statement.table, unquote(statement.column))

    # Of the code that still runs, under the names that tables and columns have by now

    @property
    def has_no_old_code(self) -> bool:
        """Whether somebody has said that none runs."""
        return self.settings.expand_contract and self.settings.old_code == "absent"

    def old_code_knows(self, table: str, column: str | None = None) -> bool:
        if self.old_code is None or not self.in_use(table):
            return False
        projection = self.projection
        live = projection.live_column(table, column) if column is not None else None
        return live != "" and self.old_code.knows(projection.live_table(table), live)

    def old_code_writes_null(self, table: str, column: str) -> bool:
        live = self.projection.live_table(table), self.projection.live_column(table, column)
        return self.old_code is not None and self.old_code.writes_null(*live)

    def old_code_leaves_out(self, table: str, column: str) -> bool:
        live = self.projection.live_table(table), self.projection.live_column(table, column)
        return self.old_code is not None and self.old_code.leaves_out(*live)

    def old_code_keeps(self, table: str, kind: str, columns: Sequence[str], detail: str) -> bool:
        projection = self.projection
        live = [projection.live_column(table, column) for column in columns]
        target = projection.live_table(detail) if kind == "f" else detail
        return self.old_code is not None and self.old_code.keeps(projection.live_table(table), kind, live, target)

    def type_change(self, statement: s.SetType) -> TypeChange | None:
        """What the server makes of ``ALTER COLUMN … TYPE``; None where the table or column is not there yet."""
        projection = self.projection
        column = unquote(statement.column)
        triggers = frozenset(self.triggers(statement)) | projection.dropped_triggers
        others = projection.dropped(Space.CONSTRAINTS) | triggers
        gone = Gone(projection.dropped(Space.INDEXES), others, frozenset(self._maybe_gone(statement)))
        loses_identity = projection.column(statement.table, column).loses_identity
        key = (statement.sql, gone, loses_identity)
        if key not in self._type_changes:
            change = self._judge_type(statement, gone) if statement.plain else None
            if change and change.effect is Effect.REFUSED and loses_identity:
                change = change._replace(effect=Effect.REWRITE)
            self._type_changes[key] = change
        return self._type_changes[key]

    def shadow(self, table: str, wanted: Wanted) -> Shadow | None:
        """The column that can take the place of another one; None where the database does not have that."""
        key = (table, wanted)
        if key not in self._shadows:
            self._shadows[key] = self.catalog.shadow(table, wanted)
        return self._shadows[key]

    def offending(self, table: str, text: str, where: str) -> str:
        """What is said of the rows of a table, of today, for which a condition is true; empty where there is none.

        The table is read to its end, as a SELECT does it. :param text: what to call them.
        """
        key = (table, where)
        if key not in self._offending:
            self._offending[key] = self.rows_where(table, text, where) if self.rows_where else ""
        return self._offending[key]

    def _maybe_gone(self, statement: s.SetType) -> Iterable[tuple[str, str]]:
        """What depends on the column today, and may not when its type changes, by its kind and name."""
        if not (self.projection.own_sql or self.projection.drops_columns()):
            return ()
        gone = self.catalog.maybe_gone("column", statement.table, unquote(statement.column))
        return ((dependent.kind, dependent.name) for dependent in gone)

    def triggers(self, statement: s.Statement) -> Mapping[str, str]:
        """The definitions of the triggers that stand in the way of a change of type, and that may be made again."""
        if not self.own_triggers or not isinstance(statement, s.SetType):
            return {}
        table, column = statement.table, unquote(statement.column)
        return self.catalog.triggers(table, column, self.own_triggers)

    def around_triggers(self, step: Step) -> Step:
        """The step with the triggers of a column away while its type changes, and back in the same transaction."""
        triggers = self.triggers(step.statement)
        table = step.statement.table
        drops = (Query(f"DROP TRIGGER {quote(name)} ON {table}") for name in triggers)
        return step.named(queries=(*drops, *step.queries, *map(Query, triggers.values())))

    def _judge_type(self, statement: s.SetType, gone: Gone) -> TypeChange | None:
        wanted = (statement.type, statement.collation, statement.using)
        old_type = self.old_types.get((statement.table, statement.column), "")
        return self.catalog.type_change(statement.table, unquote(statement.column), wanted, gone, old_type)

    def adding_rewrites(self, statement: s.AddColumn) -> bool:
        """Whether ADD COLUMN would rewrite the whole table."""
        if statement.sql not in self._rewriting:
            catalog = self.catalog
            self._rewriting[statement.sql] = (
                statement.may_rewrite(self.plain_types)
                and catalog.exists(statement.table)
                and catalog.adding_rewrites(statement.table, statement.column, statement.text, statement.params)
            )
        return self._rewriting[statement.sql]
