"""The connection whose database is judged, or whose settings are."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.utils import DatabaseError, NotSupportedError
from django.utils.connection import ConnectionDoesNotExist

from ..backends.postgres.base import DatabaseWrapper
from ..backends.postgres.schema import DatabaseSchemaEditorMixin

# Django's backend cannot be imported by its other modules first.
from ..django_types import Connection
from ..errors import CannotJudge, CannotMigrate
from ..search_path import refuse_hostile_search_path
from ..server import capabilities
from .choice.selection import one_line

#: If this alias is configured, its database is judged by default.
ALIAS = "CHECK_MIGRATIONS"
_BACKENDS = f"{__package__.rpartition('.')[0]}.backends"


def default_alias() -> str:
    return ALIAS if ALIAS in settings.DATABASES else "default"


def connected(alias: str) -> Any:
    """Return the connection of an alias.

    :raises CannotJudge: when the database is not ours to judge, or cannot be reached.
    """
    connection = _known(alias)
    if not _ours(connection):
        engine = connection.settings_dict["ENGINE"]
        raise CannotJudge(
            f"The engine of the database {alias!r} is {engine!r}: check_migrations asks databases of "
            f"'{_BACKENDS}.postgres' only. Set that engine, or use --without-database."
        )
    try:
        capabilities(connection)
        refuse_hostile_search_path(connection)
    except (NotSupportedError, CannotMigrate) as error:
        raise CannotJudge(one_line(error)) from None
    except DatabaseError as error:
        raise CannotJudge(f"The database {alias!r} cannot be reached: {one_line(error)}") from None
    return connection


def unconnected(alias: str) -> Any:
    """Return a connection of ours with the settings of this alias; it is not used to connect."""
    connection = _known(alias)
    if _ours(connection):
        return connection
    wrapper: Any = DatabaseWrapper
    if "postgis" in connection.settings_dict["ENGINE"]:
        wrapper = import_module(f"{_BACKENDS}.postgis.base").DatabaseWrapper
    return wrapper(connection.settings_dict, alias)


def _known(alias: str) -> Any:
    try:
        return connections[alias]
    except ConnectionDoesNotExist as error:
        raise CannotJudge(one_line(error)) from None
    except (ImproperlyConfigured, ImportError) as error:
        raise CannotJudge(f"The database {alias!r} is not configured: {one_line(error)}") from None


def _ours(connection: Connection) -> bool:
    # A backend without a database has none.
    editor: Any = connection.SchemaEditorClass
    return editor is not None and issubclass(editor, DatabaseSchemaEditorMixin)
