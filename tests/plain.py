"""A check that only plain strings reach the driver: tools that trace it look at the class of a query."""

from __future__ import annotations

from typing import Any


def watch(connection: Any) -> None:
    """Make the driver's cursors, from the next connect on, refuse what is not exactly a ``str``.

    :param connection: Django's, not yet connected.
    """
    parameters = connection.get_connection_params

    def watched() -> dict[str, Any]:
        found: dict[str, Any] = parameters()
        found["cursor_factory"] = _only_plain(found.get("cursor_factory") or _of_driver(connection))
        return found

    connection.get_connection_params = watched


def _of_driver(connection: Any) -> Any:
    return connection.Database.extensions.cursor


def _only_plain(factory: Any) -> Any:
    def execute(self: Any, query: Any, *arguments: Any, **more: Any) -> Any:
        if type(query) is not str:
            raise TypeError(f"The driver gets a {type(query)!r}: {query}")
        return factory.execute(self, query, *arguments, **more)

    return type(factory.__name__, (factory,), {"execute": execute})
