"""The attempts of another session before every statement of a migration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def before_each_statement(connection: BaseDatabaseWrapper, attempt: Callable[[], None]) -> Iterator[list[str]]:
    """Call `attempt` before each statement that the connection sends, catalogue questions included, and at the end.

    Gives the list of the statements.
    """
    sent: list[str] = []

    def wrapper(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        attempt()
        sent.append(str(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield sent
    attempt()


def is_refused(session: Any, sql: str) -> bool:
    """Whether the server refuses a statement, at the latest at its commit. One that it takes stays.

    :param session: in autocommit mode.
    """
    try:
        with session.cursor() as cursor:
            cursor.execute(sql)
    except Exception as error:
        state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        if str(state).startswith("23"):
            return True
        raise
    return False
