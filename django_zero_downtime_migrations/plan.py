"""The plan of one schema-editor call: its steps and findings, and the context in which rewrites and rules work.

``rewrites/`` turn a statement into safe steps and ``rules/`` judge it; both register themselves here by the
statement's type.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from .catalog import Catalog, Column
from .compat import has_db_default
from .ddl import statements as s
from .ddl.scan import is_concurrent
from .ddl.spaces import Space
from .ddl.values import with_values
from .findings import Finding, Kind, Origin, Severity
from .locks import Lock, LockMode
from .naming import Names, quote, unquote
from .printable import printable
from .projection import Projection
from .record import Record
from .server import Capabilities
from .settings import MigrationSettings
from .type_changes import Effect, Gone, TypeChange


class StepClass(enum.Enum):
    """How a step is sent; BEHAVIOUR's classes A to D, and what needs no protection."""

    #: Changes the catalogue under a lock that blocks traffic: under the timeouts, in a transaction of its own.
    SHORT = "short"
    #: Takes its time under a lock that lets reads and writes run: without a short lock timeout, outside any
    #: transaction.
    LONG = "long"
    #: Touches rows, or is the user's own SQL.
    DATA = "data"
    #: Blocks traffic for as long as it takes: like SHORT, but without the cap that is derived from LOCK_TIMEOUT.
    UNSAFE = "unsafe"
    #: Nobody uses the table yet: as stock Django sends it.
    STOCK = "stock"
    #: The caller's own transaction is open: as stock Django sends it, but under the timeouts.
    CALLERS = "callers"


class Query(NamedTuple):
    sql: str
    params: s.Params = None


class Step(NamedTuple):
    """What is sent at once: one query, or several in one transaction.

    :param locks: every table lock that it takes and holds to its end.
    :param undo: what takes it back, once it has run, when a later step of the call fails; empty where it cannot be
        taken back.
    :param leftover: what removes its remains when it fails itself (only CONCURRENTLY leaves any).
    :param fill: set on a step that runs batch by batch; see ``execution.fill``.
    :param building: the index that it builds CONCURRENTLY, as it is written in SQL.
    """

    queries: tuple[Query, ...]
    kind: StepClass
    statement: s.Statement
    locks: tuple[Lock, ...] = ()
    undo: tuple[Step, ...] = ()
    leftover: tuple[Step, ...] = ()
    fill: Fill | None = None
    building: str = ""

    @property
    def sql(self) -> str:
        return "; ".join(query.sql for query in self.queries)

    @property
    def locks_on_replicas(self) -> tuple[Lock, ...]:
        """What DROP INDEX CONCURRENTLY locks against readers on a hot standby; nothing for others that stand alone.

        At its end it locks the index, which nobody on the primary uses any more. Who reads the table on a standby does.
        """
        if not self.sql.lstrip().startswith("DROP INDEX CONCURRENTLY"):
            return ()
        return tuple(lock._replace(mode=LockMode.ACCESS_EXCLUSIVE) for lock in self.locks)

    @property
    def stands_alone(self) -> bool:
        """It is CONCURRENTLY: the server refuses it in any transaction, and so beside ``SET LOCAL`` in one string."""
        return " CONCURRENTLY " in self.sql.partition('"')[0]

    @property
    def needs_session(self) -> bool:
        """It takes its time, and leaves something when its client goes away meanwhile: a session of its own has to be
        there for it.
        """
        if isinstance(self.statement, s.Raw):
            return self.statement.concurrently and is_concurrent(self.statement.sql)
        return self.kind is StepClass.LONG and self.stands_alone


class Fill(NamedTuple):
    """An UPDATE of the rows of a table whose column is NULL, done in ranges of pages."""

    table: str
    column: str
    default: str
    params: s.Params


class Plan(NamedTuple):
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()


class OldCode(Protocol):
    """The models of the code that runs meanwhile. Tables are quoted, columns plain names, both of today."""

    def knows(self, table: str, column: str | None = None) -> bool:
        """Whether it has a model with this table, and a field with this column."""

    def writes_null(self, table: str, column: str) -> bool:
        """Whether its field takes None."""

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

    catalog: Catalog
    capabilities: Capabilities
    settings: MigrationSettings
    templates: Callable[[str], str]
    quote_value: Callable[[Any], Any]
    is_new: Callable[[str], bool]
    #: The run began on an empty database: there is nothing to ask the catalogue.
    nothing_in_use: bool = False
    in_transaction: bool = False
    origin: Origin = field(default_factory=Origin)
    #: What Django knows to be the type of a column that it alters, by quoted table and column.
    old_types: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: What the code that still runs knows; None for ``migrate``, which cannot tell whether there is such code.
    old_code: OldCode | None = None
    #: The reason of the SafetyAssured around the statements; empty outside of one.
    assured: str = ""
    #: App label and name of the migration that is at work; empty outside of one.
    migration: tuple[str, str] = ("", "")
    #: What the names of triggers begin with that may go and come back while the type of their column changes.
    own_triggers: str = ""
    _type_changes: dict[tuple[str, Gone, bool], TypeChange | None] = field(default_factory=dict)
    _rewriting: dict[str, bool] = field(default_factory=dict)

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
        return bool(table) and table not in self.projection.new_tables and not self.is_new(table)

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

    def old_code_knows(self, table: str, column: str | None = None) -> bool:
        if self.old_code is None or not self.in_use(table):
            return False
        projection = self.projection
        live = projection.live_column(table, column) if column is not None else None
        return live != "" and self.old_code.knows(projection.live_table(table), live)

    def old_code_writes_null(self, table: str, column: str) -> bool:
        live = self.projection.live_table(table), self.projection.live_column(table, column)
        return self.old_code is not None and self.old_code.writes_null(*live)

    def old_code_keeps(self, table: str, kind: str, columns: Sequence[str], detail: str) -> bool:
        projection = self.projection
        live = [projection.live_column(table, column) for column in columns]
        target = projection.live_table(detail) if kind == "f" else detail
        return self.old_code is not None and self.old_code.keeps(projection.live_table(table), kind, live, target)

    def type_change(self, statement: s.SetType) -> TypeChange | None:
        """What the server makes of ``ALTER COLUMN … TYPE``; None where the table or column is not there yet."""
        projection = self.projection
        live = projection.live_table(statement.table)
        column = projection.live_column(statement.table, unquote(statement.column))
        others = projection.dropped(Space.CONSTRAINTS) | frozenset(self.triggers(statement))
        gone = Gone(projection.dropped(Space.INDEXES), others, frozenset(self._maybe_gone(statement)))
        loses_identity = projection.loses_identity(statement.table, column)
        key = (statement.sql, gone, loses_identity)
        if key not in self._type_changes:
            change = self._judge_type(statement, live, column, gone) if statement.plain else None
            if change and change.effect is Effect.REFUSED and loses_identity:
                change = change._replace(effect=Effect.REWRITE)
            self._type_changes[key] = change
        return self._type_changes[key]

    def _maybe_gone(self, statement: s.SetType) -> Iterable[tuple[str, str]]:
        """What depends on the column today, and may not when its type changes, by its kind and name."""
        if not (self.projection.own_sql or self.projection.dropped_columns):
            return ()
        gone = self.catalog.maybe_gone("column", statement.table, unquote(statement.column))
        return ((dependent.kind, dependent.name) for dependent in gone)

    def triggers(self, statement: s.Statement) -> dict[str, str]:
        """The definitions of the triggers that stand in the way of a change of type, and that may be made anew."""
        if not self.own_triggers or not isinstance(statement, s.SetType):
            return {}
        table, column = statement.table, unquote(statement.column)
        if (self.projection.live_table(table), self.projection.live_column(table, column)) != (table, column):
            # Their definitions still have the old name.
            return {}
        return self.catalog.triggers(table, column, self.own_triggers)

    def around_triggers(self, step: Step) -> Step:
        """The step with the triggers of a column away while its type changes, and back in the same transaction."""
        triggers = self.triggers(step.statement)
        table = step.statement.table
        drops = (Query(f"DROP TRIGGER {quote(name)} ON {table}") for name in triggers)
        return step._replace(queries=(*drops, *step.queries, *map(Query, triggers.values())))

    def _judge_type(self, statement: s.SetType, table: str, column: str, gone: Gone) -> TypeChange | None:
        wanted = (statement.type, statement.collation, statement.using)
        old_type = self.old_types.get((statement.table, statement.column), "")
        return self.catalog.type_change(table, column, wanted, gone, old_type)

    def adding_rewrites(self, statement: s.AddColumn) -> bool:
        """Whether ADD COLUMN would write the whole table anew."""
        if statement.sql not in self._rewriting:
            catalog = self.catalog
            self._rewriting[statement.sql] = (
                statement.may_rewrite(self.plain_types)
                and catalog.exists(statement.table)
                and catalog.adding_rewrites(statement.table, statement.column, statement.text, statement.params)
            )
        return self._rewriting[statement.sql]


Rewrite = Callable[[Any, Context], Iterable[Step]]
Split = Callable[[Any, Context], Iterable[s.Statement]]
REWRITES: dict[type[s.Statement], Rewrite] = {}
SPLITS: dict[type[s.Statement], Split] = {}
R = TypeVar("R", bound=Callable[..., Any])


def _register(registry: dict[type[s.Statement], Any], kinds: tuple[type[s.Statement], ...]) -> Callable[[R], R]:
    def register(function: R) -> R:
        for kind in kinds:
            if kind in registry:
                raise TypeError(f"{kind.__name__} has {registry[kind].__module__} already")
            registry[kind] = function
        return function

    return register


def rewrites(*kinds: type[s.Statement]) -> Callable[[R], R]:
    """Register the function that turns a statement into steps."""
    return _register(REWRITES, kinds)


def splits(*kinds: type[s.Statement]) -> Callable[[R], R]:
    """Register the function that replaces a statement by several, before they are ordered and rewritten."""
    return _register(SPLITS, kinds)


class Rule(Record):
    """A finding's record: messages and documentation are rendered from it.

    :param code: its name in :class:`errors.Unsafe`.
    :param when: what the rule looks for.
    :param effect: what it does to a live table.
    :param instead: what to write.
    :param only_checked: right at one time of a deployment and wrong at another, which ``migrate`` cannot know: only
        ``check_migrations`` reports it.
    :param of_templates: it is about the safe form of a statement of Django's, and has nothing to say of raw SQL.
    """

    code: str
    text: str
    kind: Kind
    when: str
    effect: str
    instead: str
    severity: Severity = Severity.REFUSE
    only_checked: bool = False
    of_templates: bool = False

    def check(self, *kinds: type[s.Statement]) -> Callable[[R], R]:
        """Register a function (statement, context) -> what it found, in words that name it, or None."""

        def register(function: R) -> R:
            for kind in kinds:
                CHECKS.setdefault(kind, []).append((self, function))
            return function

        return register

    def on_whole_plan(self) -> Rule:
        """Register a rule that no statement alone can break: ``check_migrations`` looks at the whole plan for it."""
        WHOLE_PLAN.append(self)
        return self

    def found(self, message: str, table: str = "", origin: Origin = Origin(), assured: str = "") -> Finding:  # noqa: B008
        """What such a rule has found."""
        return Finding(
            code=self.code,
            text=self.text,
            severity=self.severity,
            kind=self.kind,
            message=printable(message),
            instead=self.instead,
            sql="",
            table=table,
            origin=origin,
            assured=assured,
        )

    def finding(self, statement: s.Statement, message: str, context: Context) -> Finding:
        locks = statement.locks()
        strongest = max(locks, key=lambda lock: lock.mode.strength).mode if locks else None
        return Finding(
            code=self.code,
            text=self.text,
            severity=self.severity,
            kind=self.kind,
            message=printable(message),
            instead=self.instead,
            sql=context.text(statement),
            table=statement.table,
            lock=strongest,
            origin=context.origin,
            sent=str(statement.sql),
        )


WHOLE_PLAN: list[Rule] = []
Check = tuple[Rule, Callable[[Any, Context], "str | None"]]
CHECKS: dict[type[s.Statement], list[Check]] = {}


def short(
    statement: s.Statement, *sql: str | Query, locks: Iterable[Lock] | None = None, undo: Sequence[Step] = ()
) -> Step:
    """A step of class A. Its locks are the statement's own unless given."""
    queries = tuple(query if isinstance(query, Query) else Query(query) for query in sql)
    taken = statement.locks() if locks is None else locks
    return Step(queries, StepClass.SHORT, statement, tuple(taken), tuple(undo))


def long(
    statement: s.Statement,
    sql: str | Query,
    locks: Iterable[Lock] | None = None,
    undo: Sequence[Step] = (),
) -> Step:
    """A step of class B: under SHARE UPDATE EXCLUSIVE on the statement's table, unless its locks are given."""
    query = sql if isinstance(sql, Query) else Query(sql)
    if locks is None:
        locks = (Lock(statement.table, LockMode.SHARE_UPDATE_EXCLUSIVE),) if statement.table else ()
    return Step((query,), StepClass.LONG, statement, tuple(locks), tuple(undo))


def builds(statement: s.Statement, sql: str | Query, index: str, locks: Iterable[Lock] | None = None) -> Step:
    """A step of class B that builds an index CONCURRENTLY. :param index: its name as it is written in SQL."""
    drop = long(statement, f"DROP INDEX CONCURRENTLY IF EXISTS {index}", locks)
    return long(statement, sql, locks, undo=[drop])._replace(leftover=(drop,), building=index)


def as_written(statement: s.Statement, kind: StepClass, locks: Iterable[Lock] | None = None) -> Step:
    taken = statement.locks() if locks is None else locks
    return Step((Query(statement.sql, statement.params),), kind, statement, tuple(taken))
