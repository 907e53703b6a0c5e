"""Whose turn it is, as a row with a lease, for connections whose sessions are not their own: behind a pooler such as
PgBouncer with ``pool_mode=transaction``.

The row is taken by one statement, and taken again while the process lives, so a turn whose process is gone is over
after some minutes. The table is made on first need and goes with the turn.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError

from ..naming import quote
from .beside import connect
from .reasons import sqlstate

logger = logging.getLogger("django_zero_downtime_migrations")

NAME = "zero_downtime_migrations_turn"
SECONDS = 300
#: It is renewed when this part of it is over.
PART = 3
UNDEFINED_TABLE = "42P01"
#: Somebody else has just made the table.
MADE = ("23505", "42P07")

_CREATE = """
CREATE TABLE IF NOT EXISTS {} (
    id integer PRIMARY KEY CHECK (id = 1), token text NOT NULL, holder text NOT NULL,
    since timestamptz NOT NULL, until timestamptz NOT NULL
)
"""
# A lease of our own begins anew; only one that is over goes to another.
_TAKE = """
INSERT INTO {0} AS turn (id, token, holder, since, until)
VALUES (1, %s, %s, clock_timestamp(), clock_timestamp() + %s * interval '1 second')
ON CONFLICT (id) DO UPDATE SET token = excluded.token, holder = excluded.holder, until = excluded.until,
since = CASE WHEN turn.token = excluded.token THEN turn.since ELSE excluded.since END
WHERE turn.token = excluded.token OR turn.until < clock_timestamp()
RETURNING since >= statement_timestamp()
"""
_HELD = """
SELECT
    holder || ' since ' || date_trunc('second', since) || ', until ' || date_trunc('second', until)
    || ' unless it renews its lease',
    'end that process; if it is gone already: DELETE FROM ' || %s
FROM {0} WHERE token <> %s AND until >= clock_timestamp()
"""
_RENEW = "UPDATE {0} SET until = clock_timestamp() + %s * interval '1 second' WHERE token = %s"
_DELETE = "DELETE FROM {0} WHERE token = '{1}'"
# Who is about to take it waits in INSERT, which would be a deadlock with a DROP that comes after the DELETE.
_DROP = """
SET LOCAL lock_timeout = 1000; LOCK TABLE {0} IN ACCESS EXCLUSIVE MODE; DO $zdm$ BEGIN
DELETE FROM {0} WHERE token = '{1}'; IF NOT EXISTS (SELECT FROM {0}) THEN DROP TABLE {0}; END IF; END $zdm$
"""

Ask = Callable[..., Any]
_tokens: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def table_name(schema: str | None) -> str:
    """Quoted."""
    return NAME if schema is None else f"{quote(schema)}.{NAME}"


def token_of(connection: Any) -> str:
    """What stands for this connection in the row."""
    return _tokens.setdefault(connection, uuid.uuid4().hex)


def held(connection: Any, table: str) -> tuple[str, str, str]:
    """The question who else has the lease, in words, and how to end it; and its parameters."""
    return _HELD.format(table), table, token_of(connection)


class Lease:
    """:param ask: (connection, sql, \\*params) -> the first row, in a transaction of its own."""

    def __init__(self, connection: Any, table: str, ask: Ask) -> None:
        self.connection = connection
        self.table = table
        self._ask = ask
        self._token = token_of(connection)
        self._who = f"process {os.getpid()} on {socket.gethostname()} ({connection.settings_dict['USER'] or 'unknown'})"
        #: It was not ours before.
        self._ours = False
        self._renewed = 0.0
        self._over = threading.Event()

    def take(self) -> tuple[str, str] | None:
        """Take it, or say who has it, and how to end it."""
        while True:
            try:
                took = self._ask(self.connection, _TAKE.format(self.table), self._token, self._who, SECONDS)
                other = None if took else self._ask(self.connection, *held(self.connection, self.table))
            except DatabaseError as error:
                if sqlstate(error) != UNDEFINED_TABLE:
                    raise
                self._create()
                continue
            if took:
                self._took(fresh=took[0])
                return None
            if other:
                return str(other[0]), str(other[1])
            # It has been released between the two questions.

    def _create(self) -> None:
        try:
            self._ask(self.connection, _CREATE.format(self.table))
        except DatabaseError as error:
            if sqlstate(error) not in MADE:
                raise

    def _took(self, fresh: bool) -> None:
        self._renewed = time.monotonic()
        if fresh and not self._ours:
            self._ours = True
            self._over.clear()
            threading.Thread(target=self._work, name="lease", daemon=True).start()

    def renew(self) -> tuple[str, str] | None:
        """Now and then. Who has it, where somebody else has got it."""
        if time.monotonic() - self._renewed < SECONDS / PART:
            return None
        return self.take()

    def _work(self) -> None:
        """A step may take longer than the lease lasts."""
        while not self._over.wait(SECONDS / PART):
            try:
                self._beside(_RENEW.format(self.table), SECONDS, self._token)
            except Exception as error:
                logger.debug("The lease was not renewed: %r", error)

    def _beside(self, sql: str, *params: object) -> None:
        with closing(connect(self.connection, "turn")) as session, session.cursor() as cursor:
            cursor.execute(sql, params or None)

    def release(self, usable: bool) -> None:
        """:param usable: the connection can be asked, and no transaction is open."""
        if not self._ours:
            return
        self._ours = False
        self._over.set()
        for sql in (_DROP, _DELETE):
            text = sql.format(self.table, self._token)
            try:
                if usable:
                    self._ask(self.connection, text)
                else:
                    self._beside(text)
            except Exception as error:
                logger.debug("The lease could not be released: %r", error)
            else:
                return
