"""A connection beside the migration's own, for short questions."""

from __future__ import annotations

from typing import Any

from ...django_types import Connection

APPLICATION = "django_zero_downtime_migrations"
CONNECT_SECONDS = 5


def connect(connection: Connection, purpose: str) -> Any:
    """Return a driver connection in autocommit mode, made as Django makes its own but not taken from its pool.

    Without Django's wrapper, ``connection_created`` is not sent and nothing is asked when it opens.

    :param purpose: stands in ``pg_stat_activity.application_name``.
    :raises Exception: whatever the driver or the backend raises when it cannot connect.
    """
    # Some backends keep a pool for each alias, and would lend a connection from the migration's pool.
    twin = connection.copy(f"{connection.alias}: {purpose}")
    options = twin.settings_dict["OPTIONS"]
    for name in ("pool", "server_side_binding", "isolation_level"):
        options.pop(name, None)
    options["application_name"] = f"{APPLICATION}: {purpose}"
    options.setdefault("connect_timeout", CONNECT_SECONDS)
    session = twin.get_new_connection(twin.get_connection_params())
    session.autocommit = True
    return session
