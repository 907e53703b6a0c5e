"""The settings of one database: typed, validated, and read each time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Final

from django.conf import ENVIRONMENT_VARIABLE, settings
from django.core.exceptions import ImproperlyConfigured

from .acceptances import NOTHING, Acceptances
from .compat import has_db_default
from .durations import LONGEST, Duration
from .record import Record
from .stated_settings import (
    ALL,
    GONE,
    PREFIX,
    Stated,
    Wrong,
    accepted_once,
    everything,
    flat,
    no_effect,
    without_effect,
)

#: The settings that may be attributes of a schema editor, as in the baseline.
IN_AN_EDITOR: Final = (
    "LOCK_TIMEOUT",
    "STATEMENT_TIMEOUT",
    "LOCK_RETRY_TIMEOUT",
    "MIGRATE_LOCK_TIMEOUT",
    "FLEXIBLE_STATEMENT_TIMEOUT",
    "RAISE_FOR_UNSAFE",
    "DEFERRED_SQL",
    "IDEMPOTENT_SQL",
    "EXPLICIT_CONSTRAINTS_DROP",
    "KEEP_DEFAULT",
    "LOCK_TIMEOUT_FORCE",
    "SHOW_BLOCKING_QUERIES",
    "SHOW_OFFENDING_VALUES",
    *GONE,
)
#: The settings among these that are read before an editor is made.
_BEFORE_EDITORS: Final = ("IDEMPOTENT_SQL", "MIGRATE_LOCK_TIMEOUT")


class MigrationSettings(Record):
    """The settings of one database. None as a duration leaves the server's value as it is."""

    #: The preset; its settings apply unless they are stated elsewhere.
    preset: str | None = None
    lock_timeout: Duration | None = None
    statement_timeout: Duration | None = None
    lock_retry_timeout: Duration | None = None
    #: None: without a limit.
    migrate_lock_timeout: Duration | None = None
    flexible_statement_timeout: bool = False
    raise_for_unsafe: bool = False
    deferred_sql: bool = True
    #: None: on in a run of ``migrate`` whose role may keep a journal.
    idempotent_sql: bool | None = None
    explicit_constraints_drop: bool = True
    keep_default: bool = False
    lock_timeout_force: bool = False
    show_blocking_queries: bool = False
    show_offending_values: bool = False
    #: A change of type that would rewrite a table in use is done with a second column.
    online_type_changes: bool = False
    #: Columns and tables of a plain RemoveField or DeleteModel stay until no old code is left.
    expand_contract: bool = False
    #: ``present``, or ``absent``: no process runs the code from before the migrations.
    old_code: str = "present"
    #: The time without a sign of old code before what it uses is dropped.
    contract_quiet_time: Duration = 3_600_000
    #: Aliases of hot standbys, whose readers are looked for as well.
    replicas: tuple[str, ...] = ()
    #: The time that a batch of rows should take, and that a writer of one of its rows waits at most.
    backfill_batch_time: Duration = 50
    #: The fraction of the time in which a backfill works.
    backfill_load: float = 0.8
    backfill_max_replica_lag: Duration | None = 10_000
    #: In bytes; None: without a limit.
    backfill_max_slot_wal: int | None = 4 * 1024**3
    #: None: without a limit.
    backfill_max_duration: Duration | None = None
    #: The fraction of a table after which VACUUM runs; 0 for never.
    backfill_vacuum_every: float = 0.1
    #: For check_migrations: the first migration of an app that is judged, by the app's label.
    check_start: Mapping[str, str] | None = None
    #: On tables of fewer bytes, blocking operations are not refused.
    check_small_table: int = 10 * 1024 * 1024
    #: The accepted findings, by the key of ACCEPT or of the environment.
    accept: Acceptances = NOTHING
    base_backend: str = ""

    @classmethod
    def load(cls, alias: str) -> MigrationSettings:
        """Return the current settings of the database with this alias.

        :raises ImproperlyConfigured: when a value that would count has the wrong type or cannot be read.
        """
        stated = everything(alias)
        for one in without_effect(stated)[-1:]:
            problem = no_effect(one)
            warnings.warn(f"{problem.message}. {problem.hint}", DeprecationWarning, stacklevel=2)
        try:
            return _effective(stated)
        except Wrong as error:
            # The plain class, since a traceback ends with the name of the class.
            raise ImproperlyConfigured(*error.args) from None

    @property
    def short_statement_timeout(self) -> Duration | None:
        """The ``statement_timeout`` of a short step.

        ``lock_timeout`` starts again for every relation that a statement locks, so alone it does not bound the stall.
        """
        if self.statement_timeout is not None or not self.lock_timeout:
            return self.statement_timeout
        return min(self.lock_timeout + max(self.lock_timeout // 10, 100), LONGEST)


def effective(alias: str) -> MigrationSettings:
    """Return the settings as :meth:`MigrationSettings.load` does, without its deprecation warning."""
    return _effective(everything(alias))


def _effective(stated: list[Stated]) -> MigrationSettings:
    winners = {one.name: one for one in stated}
    values = {name.lower(): one.read() for name, one in winners.items()}
    if has_db_default:
        values.pop("keep_default", None)
    values["accept"] = {**values.get("accept", {}), **accepted_once()}
    return MigrationSettings(**values)


def changed(settings: MigrationSettings, name: str, value: object, where: str) -> MigrationSettings:
    """Return the settings with another value of one of them, read as if it were in the project's own.

    :param where: the place of the value, for the error.
    :raises ImproperlyConfigured: when the value is wrong, or would have no effect because it is read before there is
        an editor.
    """
    stated = Stated(name, value, where)
    if name in GONE:
        # Imported here: few projects state one of these.
        from .setting_problems import unknown

        problem = unknown(where, name, ALL, str)
        warnings.warn(f"{problem.message}. {problem.hint}", DeprecationWarning, stacklevel=2)
        return settings
    try:
        read = stated.read()
    except Wrong as error:
        raise ImproperlyConfigured(*error.args) from None
    if without_effect([stated]):
        problem = no_effect(stated)
        warnings.warn(f"{problem.message}. {problem.hint}", DeprecationWarning, stacklevel=2)
        return settings
    if name in _BEFORE_EDITORS and read != getattr(settings, name.lower()):
        raise ImproperlyConfigured(
            f"{where} = {value!r} has no effect: a run of migrate reads {name} before it makes a schema editor. "
            f"Write {PREFIX}{name} = {value!r} in the project's settings."
        )
    return settings.named(**{name.lower(): read})


def base_backend() -> str:
    """Return the module path of the backend that ours is built on; empty without the setting.

    All databases share it, because a backend's classes are made once, when its module is imported.
    """
    if not (settings.configured or os.environ.get(ENVIRONMENT_VARIABLE)):
        # Without any settings the backend's classes can still be imported.
        return ""
    stated = {stated.name: stated for stated in flat()}.get("BASE_BACKEND")
    return str(stated.read()) if stated else ""
