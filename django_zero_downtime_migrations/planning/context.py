"""The questions that a rewrite or a rule may ask of the database, the settings and the code that still runs."""

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
from .kinds import Step
from .queries import Query


class OldCode(Protocol):
    """The models of the code that still runs. Tables are quoted, columns plain names, both as they are today."""

    def knows(self, table: str, column: str | None = None) -> bool:
        """Return whether it has a model with this table, and a field with this column."""

    def writes_null(self, table: str, column: str) -> bool:
        """Return whether its field takes None."""

    def leaves_out(self, table: str, column: str) -> bool:
        """Return whether the database makes the value of its field: by a default, or an identity."""

    def keeps(self, table: str, kind: str, columns: Sequence[str], detail: str = "") -> bool:
        """Return whether its models have a constraint that holds at least what this one asks for.

        :param kind: ``u``, ``f`` or ``c``, as in ``pg_constraint.contype``.
        :param detail: the table that a foreign key points to; the text of a check.
        """


@dataclass(eq=False, repr=False)
class Context:
    """Everything that a rewrite or a rule may ask.

    :param templates: Django's own ``sql_*`` templates by name.
    :param quote_value: Django's own function: a parameter as SQL.
    :param is_new: whether a table is not in use yet, since this very run made it.
    """

    catalog: PlannedCatalog
    capabilities: Capabilities
    settings: MigrationSettings
    templates: Callable[[str], str]
    quote_value: Callable[[Any], Any]
    is_new: Callable[[str], bool]
    #: The run began on an empty database: the catalogue has no answers.
    nothing_in_use: bool = False
    in_transaction: bool = False
    #: The statement has to stand in one transaction with others of its call.
    together: bool = False
    origin: Origin = field(default_factory=Origin)
    #: The type that Django knows of a column that it alters, by quoted table and column.
    old_types: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: The models of the code that still runs; None for ``migrate``, which cannot tell whether there is such code.
    old_code: OldCode | None = None
    #: Why old code does not have to be considered; empty if it does.
    no_old_code: str = ""
    #: The reason of the SafetyAssured around the statements; empty outside one.
    assured: str = ""
    #: App label and name of the running migration; empty outside a migration.
    migration: tuple[str, str] = ("", "")
    #: The state of the database when the call comes, as far as it is known. For a reader that sends nothing, it has
    #: what earlier calls have planned and will have run by then.
    start: Projection = field(default_factory=Projection)
    #: The migration is taken back.
    backwards: bool = False
    #: A function for the rows of a table for which a condition is true, as a sentence; empty if there is none. Its
    #: arguments: the table, what to call the rows, and the condition.
    rows_where: Callable[[str, str, str], str] | None = None
    #: The prefixes of triggers that may be dropped and made again while the type of their column changes.
    own_triggers: str = ""
    _type_changes: dict[tuple[str, Gone, bool], TypeChange | None] = field(default_factory=dict)
    _rewriting: dict[str, bool] = field(default_factory=dict)
    _shadows: dict[tuple[str, Wanted], Shadow | None] = field(default_factory=dict)
    _offending: dict[tuple[str, str], str] = field(default_factory=dict)

    def at(self, projection: Projection) -> Context:
        """Return the same call at another moment of its plan; known answers are not asked for again."""
        return replace(self, catalog=self.catalog.at(projection))

    def text(self, statement: s.Statement) -> str:
        """Return the text of a statement as ``sqlmigrate`` has it: with its parameters in it, if possible."""
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
        """Return whether the tables that the statement locks may be in use."""
        if self.nothing_in_use or isinstance(statement, s.CreateTable):
            return False
        return any(self.in_use(table) for table in self.tables(statement))

    def tables(self, statement: s.Statement) -> set[str]:
        """Return every table that the statement locks; the catalogue adds the target of a dropped foreign key."""
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
        """Return the names of the server's own types that Django's fields have: none of them is a domain."""
        types = self.catalog.connection.data_types.values()
        return {x.partition("(")[0] for x in types if isinstance(x, str)} | {"varchar", "numeric"}

    @property
    def keeps_defaults(self) -> bool:
        """Whether KEEP_DEFAULT, from before ``db_default``, keeps what Django drops after a Python default."""
        return self.settings.keep_default and not has_db_default

    def column(self, statement: s.AlterColumn | s.DropColumn) -> Column | None:
        return self.catalog.column(statement.table, unquote(statement.column))

    # The code that still runs, under the names that tables and columns have by now

    @property
    def has_no_old_code(self) -> bool:
        """Whether the user has declared that no old code runs."""
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
        """Return the server's view of ``ALTER COLUMN … TYPE``; None if the table or column does not exist yet."""
        projection = self.projection
        column = unquote(statement.column)
        triggers = frozenset(self.triggers(statement)) | projection.dropped_triggers(statement.table)
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
        """Return the column that can take the place of another one; None if the database does not have that column."""
        key = (table, wanted)
        if key not in self._shadows:
            self._shadows[key] = self.catalog.shadow(table, wanted)
        return self._shadows[key]

    def offending(self, table: str, text: str, where: str) -> str:
        """Describe the existing rows of a table for which a condition is true; empty if there is none.

        The table is read to its end, as a SELECT does it.

        :param text: what to call the rows.
        """
        key = (table, where)
        if key not in self._offending:
            self._offending[key] = self.rows_where(table, text, where) if self.rows_where else ""
        return self._offending[key]

    def _maybe_gone(self, statement: s.SetType) -> Iterable[tuple[str, str]]:
        """Return what depends on the column today, and may not when its type changes, by kind and name."""
        if not (self.projection.own_sql or self.projection.drops_columns()):
            return ()
        gone = self.catalog.maybe_gone("column", statement.table, unquote(statement.column))
        return ((dependent.kind, dependent.name) for dependent in gone)

    def triggers(self, statement: s.Statement) -> Mapping[str, str]:
        """Return the definitions of the triggers that prevent a change of type, and that may be made again."""
        if not self.own_triggers or not isinstance(statement, s.SetType):
            return {}
        table, column = statement.table, unquote(statement.column)
        return self.catalog.triggers(table, column, self.own_triggers)

    def around_triggers(self, step: Step) -> Step:
        """Return the step with a column's triggers dropped while its type changes, and made again in the same
        transaction.
        """
        triggers = self.triggers(step.statement)
        table = step.statement.table
        drops = (Query(f"DROP TRIGGER {quote(name)} ON {table}") for name in triggers)
        return step.named(queries=(*drops, *step.queries, *map(Query, triggers.values())))

    def _judge_type(self, statement: s.SetType, gone: Gone) -> TypeChange | None:
        wanted = (statement.type, statement.collation, statement.using)
        old_type = self.old_types.get((statement.table, statement.column), "")
        return self.catalog.type_change(statement.table, unquote(statement.column), wanted, gone, old_type)

    def adding_rewrites(self, statement: s.AddColumn) -> bool:
        """Return whether ADD COLUMN would rewrite the whole table."""
        if statement.sql not in self._rewriting:
            catalog = self.catalog
            self._rewriting[statement.sql] = (
                statement.may_rewrite(self.plain_types)
                and catalog.exists(statement.table)
                and catalog.adding_rewrites(statement.table, statement.column, statement.text, statement.params)
            )
        return self._rewriting[statement.sql]
