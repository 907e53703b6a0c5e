"""The capabilities of a PostgreSQL server, by name: the only place that reads a server version."""

from __future__ import annotations

from django.db.utils import NotSupportedError

from .django_types import Connection
from .naming import Names
from .record import Row

#: The oldest major version that this backend migrates. Django itself may ask for a newer one.
OLDEST = 14
#: The newest server that it has been measured on, as a driver reports it; judgements without a server use it.
NEWEST = 180000


class Capabilities(Row):
    """Measured on PostgreSQL 14 to 18; see ``tests/rewrites``."""

    #: ``ALTER TABLE … ADD CONSTRAINT … NOT NULL column NOT VALID`` and its VALIDATE (PostgreSQL 18).
    not_null_not_valid: bool
    #: ``ADD FOREIGN KEY … NOT VALID`` on a partitioned table (PostgreSQL 18).
    partitioned_key_not_valid: bool = True
    #: EXCLUDE on a partitioned table (PostgreSQL 17).
    partitioned_exclusion: bool = True
    #: ``transaction_timeout`` ends the session of a transaction that takes longer (PostgreSQL 17). Only 0 has an effect
    #: on a transaction that is open already.
    transaction_timeout: bool = True
    #: ``GRANT SET ON PARAMETER`` (PostgreSQL 15).
    grants_parameters: bool = True
    #: ``REPACK (CONCURRENTLY)`` rewrites a table while others use it (PostgreSQL 19, by its documentation).
    repacks: bool = False


def capabilities(connection: Connection) -> Capabilities:
    """Return the capabilities of the server.

    :param connection: a Django connection wrapper; it is connected if it is not yet.
    :raises NotSupportedError: when the server is older than :data:`OLDEST`.
    """
    version = connection.pg_version
    if version < OLDEST * 10000:
        raise NotSupportedError(
            f"Migrations of the database {connection.alias!r} need PostgreSQL {OLDEST} or later, and its server is "
            f"{version // 10000}.{version % 10000}. Upgrade the server, or set its ENGINE back to "
            "'django.db.backends.postgresql'. Nothing was changed."
        )
    return Capabilities(
        not_null_not_valid=version >= 180000,
        partitioned_key_not_valid=version >= 180000,
        partitioned_exclusion=version >= 170000,
        transaction_timeout=version >= 170000,
        grants_parameters=version >= 150000,
        repacks=version >= 190000,
    )


#: Python's names of a database's encodings if the server has another name. SQL_ASCII keeps the bytes that the client
#: sends; two encodings are unknown to Python.
_CODECS = {"SQL_ASCII": "utf-8", "MULE_INTERNAL": "utf-8", "EUC_TW": "utf-8", "KOI8R": "koi8-r", "KOI8U": "koi8-u"}


def names_of(connection: Connection) -> Names:
    """Return how the server cuts names in the database of a connection; the server tells its encoding on connecting.

    :param connection: a Django connection wrapper; it is connected if it is not yet.
    """
    encoding = getattr(connection, "server_encoding", None)
    if encoding is None:
        connection.ensure_connection()
        encoding = connection.connection.info.parameter_status("server_encoding")
    return Names(_codec(encoding or "UTF8"))


def _codec(encoding: str) -> str:
    return _CODECS.get(encoding) or encoding.replace("WIN", "cp").replace("ISO_", "iso").replace("_", "-").lower()
