"""The transaction that the editor itself opens around statements which stock Django would have run in one as well."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import cast

from django.db import connections, transaction
from django.utils.connection import ConnectionProxy

from ..django_types import Connection


def of_this_thread(connection: Connection) -> Connection:
    """``django.db.connection`` has no hash, and is another connection in another thread."""
    if isinstance(connection, ConnectionProxy):
        return cast(Connection, connections[connection.alias])
    return connection


class OwnTransaction:
    """The editor's transaction: open from the first statement that can be rolled back to the first that stands alone.

    :ivar wanted: whether there may be one: inside the ``with`` block of an editor whose migration is atomic.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.wanted = False
        self.raw = False
        self._before_commit: Callable[[], None] | None = None
        self._atomic: transaction.Atomic | None = None

    def call_before_commit(self, function: Callable[[], None] | None) -> None:
        """Set what is called before each commit.

        :param function: called while the transaction is still open; None for nothing.
        """
        self._before_commit = function

    @property
    def is_open(self) -> bool:
        return self._atomic is not None

    @property
    def current(self) -> object | None:
        """An object that identifies the open transaction; None while there is none."""
        return self._atomic

    @property
    def of_caller(self) -> bool:
        """Whether the caller's transaction (or savepoint in ours) is open."""
        connection = self.connection
        if self.is_open:
            return bool(connection.savepoint_ids)
        # Once it is connected, to ask Django takes ten times as long.
        autocommit = connection.autocommit if connection.connection is not None else connection.get_autocommit()
        return bool(connection.in_atomic_block or not autocommit)

    @property
    def may_open(self) -> bool:
        """Whether :meth:`open` would begin a transaction."""
        return self.wanted and not self.is_open and not self.of_caller

    def open(self, raw: bool = False) -> None:
        """Open it if there may be one.

        :param raw: for the user's own SQL, which may hold any lock: the transaction ends with its operation.
        """
        if self.may_open:
            self._atomic = transaction.atomic(self.connection.alias)
            self._atomic.__enter__()
        self.raw = self.is_open and (self.raw or raw)

    def close(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Commit, or roll back with the error that ends it."""
        if self._atomic is None:
            return
        ended, self._atomic, self.raw = self._atomic, None, False
        if kind is None and self._before_commit is not None:
            try:
                self._before_commit()
            except BaseException as failure:
                ended.__exit__(type(failure), failure, failure.__traceback__)
                raise
        ended.__exit__(kind, error, traceback)
