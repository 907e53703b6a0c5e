"""Scripts: several statements in one string, with which a step carries its timeouts and its mark.

PostgreSQL prepares one statement at a time ("cannot insert multiple commands into a prepared statement"), and psycopg 3
prepares what it has sent ``prepare_threshold`` times, where the project has that option: with 0 every step would fail,
and else a later attempt at a lock.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def sending_scripts(params: dict[str, Any]) -> dict[str, Any]:
    """Return the driver's parameters with a cursor that never has a text without parameters prepared.

    Django's queries have parameters, if only none of them, and are prepared as the project wants it.

    :param params: from Django's ``get_connection_params()``, with a ``prepare_threshold``.
    """
    return {**params, "cursor_factory": _cursor(params["cursor_factory"])}


@cache
def _cursor(factory: Any) -> Any:
    class Cursor(factory):  # type: ignore[misc]
        def execute(self, query: Any, params: Any = None, *, prepare: bool | None = None, **more: bool) -> Any:
            if params is None and prepare is None:
                prepare = False
            return super().execute(query, params, prepare=prepare, **more)

    return Cursor
