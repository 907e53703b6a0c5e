"""What a migration has done, written down while it does it, so that a stop at any point costs a second ``migrate``.

A row of a small table tells which calls of the schema editor are complete, and of the one under way its steps, as they
were planned before the first of them, and how many are done. A step in a transaction marks itself done in it. One that
stands alone is in doubt when the mark of the next is missing, and then the catalogue decides: ``execution.doubt``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..ddl import statements as s
from ..errors import CannotMigrate
from ..locks import Lock, LockMode
from ..plan import Fill, Query, Step, StepClass

NAME = "zero_downtime_migrations_journal"
_WHERE = """
SELECT n.nspname, EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = %s)
FROM pg_namespace n WHERE n.nspname = current_schema()
"""
_CREATE = """
CREATE TABLE IF NOT EXISTS {} (
    app text, name text, backwards boolean NOT NULL, code json NOT NULL, complete json NOT NULL, call text NOT NULL,
    steps json NOT NULL, done integer NOT NULL, since timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (app, name)
)
"""
_WRITE = """
INSERT INTO {} (app, name, backwards, code, complete, call, steps, done) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (app, name) DO UPDATE SET backwards = excluded.backwards, code = excluded.code,
complete = excluded.complete, call = excluded.call, steps = excluded.steps, done = excluded.done, since = now()
"""
_DONE = "UPDATE {} SET done = %s, since = now() WHERE app = %s AND name = %s"
_REMOVE = """
DELETE FROM {} j USING unnest(%s::text[], %s::text[]) AS gone(app, name) WHERE (j.app, j.name) = (gone.app, gone.name)
"""
_READ = (
    "SELECT app, name, backwards, code::text, complete::text, call, steps::text, done, since FROM {} ORDER BY app, name"
)


class Identity(NamedTuple):
    """A migration, in a direction. :param code: a digest of each of its operations, in the order in which they run."""

    app: str
    name: str
    backwards: bool
    code: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.app}.{self.name}{' (backwards)' if self.backwards else ''}"


class Entry(NamedTuple):
    """A row of the table. :param complete: the keys of calls. :param call: that of the one under way, or empty."""

    identity: Identity
    complete: tuple[str, ...]
    call: str
    steps: str
    done: int
    since: Any


class Table:
    """The table of one database and schema, for one run of ``migrate``.

    :ivar name: quoted, with its schema.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        with connection.cursor() as cursor:
            cursor.execute(_WHERE, [NAME])
            row = cursor.fetchone()
        if row is None:
            raise CannotMigrate(
                "IDEMPOTENT_SQL keeps its journal in the first schema of the search_path, and there is none. Create "
                "the schema, or set the search_path of the role or in OPTIONS."
            )
        schema, self.exists = row
        self.name = f'{connection.ops.quote_name(schema)}."{NAME}"'

    def compose(self, sql: str, *params: object) -> str:
        return str(self.connection.ops.compose_sql(sql.format(self.name).strip(), params))

    def run(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, None)

    def entries(self) -> list[Entry]:
        if not self.exists:
            return []
        with self.connection.cursor() as cursor:
            cursor.execute(_READ.format(self.name))
            rows = cursor.fetchall()
        return [
            Entry(Identity(app, name, backwards, tuple(json.loads(code))), tuple(json.loads(complete)), call, *rest)
            for app, name, backwards, code, complete, call, *rest in rows
        ]

    def remove(self, identities: Sequence[Identity]) -> None:
        """Forget these migrations, and with the last of them the table."""
        if not self.exists:
            return
        with self.connection.cursor() as cursor:
            names = [[identity.app for identity in identities], [identity.name for identity in identities]]
            cursor.execute(_REMOVE.format(self.name), names)
            cursor.execute(f"SELECT EXISTS (SELECT FROM {self.name})")
            if not cursor.fetchone()[0]:
                cursor.execute(f"DROP TABLE {self.name}")
                self.exists = False


class Journal:
    """The row of the migration that is under way.

    :param identify: which migration that is; asked when there is something to write.
    :param entry: what an earlier run has left of it.
    :ivar steps: those of the call under way. :ivar done: how many of them.
    """

    def __init__(self, table: Table, identify: Callable[[], Identity], entry: Entry | None = None) -> None:
        self.table = table
        self._identify = identify
        self._identity: Identity | None = None
        self.complete: list[str] = list(entry.complete) if entry else []
        self.key = ""
        self.steps: tuple[Step, ...] = ()
        self.done = 0
        #: The call whose steps the row has.
        self._stored = ""
        #: The row lacks something that the transaction under way has done.
        self._unsaid = False
        self.left = entry if entry and entry.call else None

    @property
    def identity(self) -> Identity:
        if self._identity is None:
            self._identity = self._identify()
        return self._identity

    # A call

    def begin(self, key: str, steps: Sequence[Step]) -> None:
        self.key, self.steps, self.done = key, tuple(steps), 0

    def go_on(self) -> None:
        """With the call that an earlier run has left."""
        assert self.left is not None
        entry, self.left = self.left, None
        self.key, self.steps, self.done = entry.call, read_steps(entry), entry.done
        self._stored = entry.call

    def end(self) -> None:
        self.complete.append(self.key)
        self.key, self.steps, self.done = "", (), 0

    # What is written with a step, and when it has been sent

    def before(self) -> str:
        """What has to be committed before a step that stands alone; empty when it is already."""
        return "" if self._stored == self.key else self._whole(self.done)

    def after(self) -> str:
        """What goes into the transaction of the next step: it is done then."""
        return self._sql(self.done + 1)

    def unsaid(self) -> str:
        """What goes into the transaction that is about to be committed."""
        return self._sql(self.done) if self._unsaid else ""

    def wrote(self) -> None:
        """What :meth:`before` or :meth:`unsaid` gave is in the table, or will be with its transaction."""
        self.table.exists = True
        self._stored, self._unsaid = self.key, False

    def advance(self, written: bool = False) -> None:
        """A step is done. :param written: what :meth:`after` gave went with it."""
        self.done += 1
        if written:
            self.wrote()
        else:
            self._unsaid = True

    def mark(self, key: str) -> None:
        """A call is complete with the transaction that is open, or by itself."""
        self.complete.append(key)
        self.write(self._whole(0))

    def write(self, sql: str) -> None:
        """Now, and by itself. :param sql: of :meth:`before` or :meth:`unsaid`; nothing is sent when it is empty."""
        if sql:
            self.table.run(sql)
            self.wrote()

    def back_to(self, done: int, whole: bool) -> None:
        """The steps after these are about to be taken back; the row says so.

        :param whole: with them everything else that the migration has done.
        """
        self.done = done
        if done == 0:
            self.key, self.steps = "", ()
        if whole:
            self.complete.clear()
        if done or self.complete:
            self.write(self._whole(done))
        elif self._stored:
            self.table.remove([self.identity])
            self._stored = ""

    def _sql(self, done: int) -> str:
        if self._stored and self._stored == self.key:
            return self.table.compose(_DONE, done, self.identity.app, self.identity.name)
        return self._whole(done)

    def _whole(self, done: int) -> str:
        app, name, backwards, code = self.identity
        complete, key, steps = self.complete, self.key, self.steps
        if key and done == len(steps):
            # Nobody will want to know the steps of a call that is complete.
            complete, key, steps, done = [*complete, key], "", (), 0
        written = json.dumps([written_step(step, self.composed) for step in steps])
        values = (app, name, backwards, json.dumps(code), json.dumps(complete), key, written, done)
        create = "" if self.table.exists else self.table.compose(_CREATE) + "; "
        return create + self.table.compose(_WRITE, *values)

    def composed(self, query: Query) -> str:
        if query.params is None:
            return str(query.sql)
        return str(self.table.connection.ops.compose_sql(str(query.sql), query.params))


# Steps as JSON

Composed = Callable[[Query], str]


def written_step(step: Step, composed: Composed) -> dict[str, Any]:
    """:param composed: a query's text with its parameters in it."""
    fill = step.fill and [step.fill.table, step.fill.column, composed(Query(step.fill.default, step.fill.params))]
    return {
        "sql": [composed(query) for query in step.queries],
        "kind": step.kind.value,
        "statement": [type(step.statement).__name__, _plain(step.statement)],
        "locks": [[lock.table, lock.mode.name, lock.only] for lock in step.locks],
        "undo": [written_step(x, composed) for x in step.undo],
        "leftover": [written_step(x, composed) for x in step.leftover],
        "fill": fill,
        "building": step.building,
    }


def _plain(statement: s.Statement) -> dict[str, Any]:
    """What a step may still need of its statement: its names. A statement inside another is a step by itself by now."""
    return {name: value for name, value in vars(statement).items() if name != "params" and _is_text(value)}


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, (str, bool)) or (isinstance(value, tuple) and all(map(_is_text, value)))


def read_steps(entry: Entry) -> tuple[Step, ...]:
    """:raises CannotMigrate: when another version of this package has written them in another way."""
    try:
        return tuple(_read_step(step) for step in json.loads(entry.steps))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CannotMigrate(
            f"{entry.identity} was interrupted under another version of django-zero-downtime-migrations, whose journal "
            f"this one does not understand ({error}). Finish it with that version; nothing was changed."
        ) from error


def _read_step(written: dict[str, Any]) -> Step:
    kind, values = written["statement"]
    fill = written["fill"]
    return Step(
        tuple(Query(sql) for sql in written["sql"]),
        StepClass(written["kind"]),
        getattr(s, kind)(**{name: tuple(x) if isinstance(x, list) else x for name, x in values.items()}),
        tuple(Lock(table, LockMode[mode], only) for table, mode, only in written["locks"]),
        tuple(map(_read_step, written["undo"])),
        tuple(map(_read_step, written["leftover"])),
        Fill(fill[0], fill[1], fill[2], None) if fill else None,
        written["building"],
    )
