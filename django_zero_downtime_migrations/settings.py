"""The settings of one database: typed, validated, and read afresh every time."""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from django.conf import ENVIRONMENT_VARIABLE, settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from .acceptances import NOTHING, Acceptances, read_environment
from .compat import has_db_default
from .durations import LONGEST, Duration
from .record import Record
from .setting_values import (
    ACCEPT,
    ALIASES,
    BACKEND,
    BATCH,
    DURATION,
    FLAG,
    FLAG_OR_NONE,
    LIMIT,
    LOAD,
    OLD_CODE,
    PART,
    QUIET_TIME,
    SIZE,
    SIZE_OR_NONE,
    STARTS,
    WAIT,
    Reader,
)

#: The key in ``DATABASES[alias]`` under which the settings of one database stand.
PER_DATABASE: Final = "ZERO_DOWNTIME_MIGRATIONS"

#: What the names of settings for all databases begin with.
PREFIX: Final = "ZERO_DOWNTIME_MIGRATIONS_"


class MigrationSettings(Record):
    """What holds for one database. None as a duration leaves the server's value as it is."""

    lock_timeout: Duration | None = None
    statement_timeout: Duration | None = None
    lock_retry_timeout: Duration | None = None
    #: None: for as long as it takes.
    migrate_lock_timeout: Duration | None = None
    flexible_statement_timeout: bool = False
    raise_for_unsafe: bool = False
    deferred_sql: bool = True
    #: None: in a run of ``migrate`` whose role may keep a journal.
    idempotent_sql: bool | None = None
    explicit_constraints_drop: bool = True
    keep_default: bool = False
    lock_timeout_force: bool = False
    show_blocking_queries: bool = False
    show_offending_values: bool = False
    #: A change of type that would rewrite a table in use is done with a column of its own.
    online_type_changes: bool = False
    #: What a plain RemoveField or DeleteModel removes stays until no old code is left.
    expand_contract: bool = False
    #: ``present``, or ``absent``: nobody runs the code from before the migrations.
    old_code: str = "present"
    #: For so long nothing of old code may have been seen before what it knows is dropped.
    contract_quiet_time: Duration = 3_600_000
    #: Aliases of hot standbys, on which readers are looked for as well.
    replicas: tuple[str, ...] = ()
    #: The time that a batch of rows is made to take: for so long a writer of one of its rows waits.
    backfill_batch_time: Duration = 50
    #: The part of the time in which a backfill works.
    backfill_load: float = 0.8
    backfill_max_replica_lag: Duration | None = 10_000
    #: In bytes.
    backfill_max_slot_wal: int | None = 4 * 1024**3
    #: None: for as long as it takes.
    backfill_max_duration: Duration | None = None
    #: The part of a table after which VACUUM runs; 0 for never.
    backfill_vacuum_every: float = 0.1
    #: For check_migrations: the migration from which on an app is judged, by the app's label.
    check_start: Mapping[str, str] | None = None
    #: On tables of fewer bytes what a lock stops is not refused.
    check_small_table: int = 10 * 1024 * 1024
    #: What is accepted, by the key of ACCEPT or of the environment.
    accept: Acceptances = NOTHING
    base_backend: str = ""

    @classmethod
    def load(cls, alias: str) -> MigrationSettings:
        """The settings of the database with this alias as they are now.

        :raises ImproperlyConfigured: when a value that would count has the wrong type or cannot be read.
        """
        everything = [*_flat(), *_of_database(alias)]
        for stated in _without_effect(everything)[-1:]:
            problem = _no_effect(stated)
            warnings.warn(f"{problem.message}. {problem.hint}", DeprecationWarning, stacklevel=2)
        try:
            return _effective(everything)
        except _Wrong as error:
            # The plain class, since its name is what a traceback ends with.
            raise ImproperlyConfigured(*error.args) from None

    @property
    def short_statement_timeout(self) -> Duration | None:
        """The ``statement_timeout`` of a short step.

        ``lock_timeout`` starts again for every relation that a statement locks, so alone it does not bound the stall.
        """
        if self.statement_timeout is not None or not self.lock_timeout:
            return self.statement_timeout
        return min(self.lock_timeout + max(self.lock_timeout // 10, 100), LONGEST)


class Kind(Enum):
    """What is wrong with a setting."""

    VALUE = "wrong value"
    NAME = "unknown name"
    GONE = "name of an earlier version"
    NO_EFFECT = "no effect on this Django"


class Problem(NamedTuple):
    """One thing wrong with the settings, and what to write instead."""

    kind: Kind
    message: str
    hint: str


def effective(alias: str) -> MigrationSettings:
    """As :meth:`MigrationSettings.load`, without its deprecation warning."""
    return _effective([*_flat(), *_of_database(alias)])


def _effective(everything: list[_Stated]) -> MigrationSettings:
    # The later of two that state the same setting wins, so the database's own come last.
    winners = {stated.name: stated for stated in everything}
    values = {name.lower(): stated.read() for name, stated in winners.items()}
    if has_db_default:
        values.pop("keep_default", None)
    values["accept"] = {**values.get("accept", {}), **_accepted_once()}
    return MigrationSettings(**values)


def _accepted_once() -> Acceptances:
    """Read on top of the settings, for one command: a rollback at night needs no release."""
    name = f"{PREFIX}ACCEPT"
    text = os.environ.get(name, "")
    try:
        return read_environment(text)
    except ValueError as error:
        message = f"The environment variable {name} = {text!r} {error}"
        hint = 'Write "shop.0007_total: reason", and a semicolon between two of them.'
        raise _Wrong(Problem(Kind.VALUE, message, hint)) from None


def changed(settings: MigrationSettings, name: str, value: object, where: str) -> MigrationSettings:
    """The settings with another value of one of them, read as if it stood in the project's own.

    :param where: stands in the error. :raises ImproperlyConfigured: when the value is wrong, or would have no effect
        because it is read before there is an editor.
    """
    stated = _Stated(name, value, where)
    if name in _GONE:
        problem = _unknown(where, name, _SETTINGS, str)
        warnings.warn(f"{problem.message}. {problem.hint}", DeprecationWarning, stacklevel=2)
        return settings
    try:
        read = stated.read()
    except _Wrong as error:
        raise ImproperlyConfigured(*error.args) from None
    if _without_effect([stated]):
        problem = _no_effect(stated)
        warnings.warn(f"{problem.message}. {problem.hint}", DeprecationWarning, stacklevel=2)
        return settings
    if name in _BEFORE_EDITORS and read != getattr(settings, name.lower()):
        raise ImproperlyConfigured(
            f"{where} = {value!r} has no effect: a run of migrate reads {name} before it makes a schema editor. "
            f"Write {PREFIX}{name} = {value!r} in the project's settings."
        )
    return settings.named(**{name.lower(): read})


def base_backend() -> str:
    """The module path of the backend that ours is built on; empty when the setting is not there.

    There is one for all databases, because a backend's classes are made once, when its module is imported.
    """
    if not (settings.configured or os.environ.get(ENVIRONMENT_VARIABLE)):
        # There are no settings at all, and the backend's classes can be imported nevertheless.
        return ""
    stated = {stated.name: stated for stated in _flat()}.get("BASE_BACKEND")
    return str(stated.read()) if stated else ""


def problems(alias: str) -> list[Problem]:
    """Everything wrong with the settings that concern this database, the flat ones included."""
    found = [*_unknown_flat(), *_unknown_of_database(alias)]
    try:
        everything = [*_flat(), *_of_database(alias)]
        for stated in everything:
            found += _wrong_value(stated)
        found += [_no_effect(stated) for stated in _without_effect(everything)]
        _accepted_once()
    except _Wrong as error:
        found.append(error.problem)
    return found


def database(alias: str) -> Mapping[Any, Any]:
    """What ``DATABASES`` says of this alias, ``{}`` when it is not there."""
    # A database that was added to the connection handler while the process runs stands only there.
    return settings.DATABASES.get(alias) or connections.settings.get(alias) or {}


_DATABASE_SETTINGS: Final[Mapping[str, Reader]] = {
    "LOCK_TIMEOUT": DURATION,
    "STATEMENT_TIMEOUT": DURATION,
    "LOCK_RETRY_TIMEOUT": DURATION,
    "MIGRATE_LOCK_TIMEOUT": WAIT,
    "FLEXIBLE_STATEMENT_TIMEOUT": FLAG,
    "RAISE_FOR_UNSAFE": FLAG,
    "DEFERRED_SQL": FLAG,
    "IDEMPOTENT_SQL": FLAG_OR_NONE,
    "EXPLICIT_CONSTRAINTS_DROP": FLAG,
    "KEEP_DEFAULT": FLAG,
    "LOCK_TIMEOUT_FORCE": FLAG,
    "CHECK_START": STARTS,
    "CHECK_SMALL_TABLE": SIZE,
    "ACCEPT": ACCEPT,
    "ONLINE_TYPE_CHANGES": FLAG,
    "EXPAND_CONTRACT": FLAG,
    "OLD_CODE": OLD_CODE,
    "CONTRACT_QUIET_TIME": QUIET_TIME,
    "SHOW_BLOCKING_QUERIES": FLAG,
    "SHOW_OFFENDING_VALUES": FLAG,
    "REPLICAS": ALIASES,
    "BACKFILL_BATCH_TIME": BATCH,
    "BACKFILL_LOAD": LOAD,
    "BACKFILL_MAX_REPLICA_LAG": LIMIT,
    "BACKFILL_MAX_SLOT_WAL": SIZE_OR_NONE,
    "BACKFILL_MAX_DURATION": LIMIT,
    "BACKFILL_VACUUM_EVERY": PART,
}
_SETTINGS: Final[Mapping[str, Reader]] = {**_DATABASE_SETTINGS, "BASE_BACKEND": BACKEND}

# ZERO_DOWNTIME_DEFERRED_SQL is what the baseline's documentation said. It comes first, so that the regular name wins.
_FLAT_NAMES: Final[Mapping[str, str]] = {
    "ZERO_DOWNTIME_DEFERRED_SQL": "DEFERRED_SQL",
    **{f"{PREFIX}{name}": name for name in _SETTINGS},
}

_GONE: Final[Mapping[str, str]] = {"USE_NOT_NULL": "SET NOT NULL always goes by way of a validated constraint"}

#: The names that may be attributes of a schema editor, as in the baseline.
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
    *_GONE,
)
#: Of these, those that count before an editor is made.
_BEFORE_EDITORS: Final = ("IDEMPOTENT_SQL", "MIGRATE_LOCK_TIMEOUT")

_MISSING: Final = object()
_LOOKS_OURS: Final = re.compile("ZERO_?DOWN_?TIME(_|$)")
_ANY_PREFIX: Final = re.compile("ZERO_?DOWN_?TIME_(MIGRATIONS?_)?")


class _Wrong(ImproperlyConfigured):
    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.message}. {problem.hint}")
        self.problem = problem


class _Stated(NamedTuple):
    """A value that somebody wrote, and where."""

    name: str
    value: object
    where: str

    def read(self) -> Any:
        reader = _SETTINGS[self.name]
        try:
            return reader.read(self.value)
        except ValueError as error:
            message = f"{self.where} = {self.value!r} {error}"
            raise _Wrong(Problem(Kind.VALUE, message, f"Write {reader.accepted}.")) from None


def _flat() -> Iterator[_Stated]:
    for flat_name, name in _FLAT_NAMES.items():
        value = getattr(settings, flat_name, _MISSING)
        if value is not _MISSING:
            yield _Stated(name, value, f"The setting {flat_name}")


def _of_database(alias: str) -> Iterator[_Stated]:
    for name, value in _own_settings(alias).items():
        if name in _DATABASE_SETTINGS:
            yield _Stated(name, value, _place(alias, name))
    # Whether old code runs is a matter of one deployment, so this counts most.
    if text := os.environ.get(name := f"{PREFIX}OLD_CODE"):
        yield _Stated("OLD_CODE", text, f"The environment variable {name}")


def _own_settings(alias: str) -> Mapping[Any, Any]:
    stated = database(alias).get(PER_DATABASE, {})
    if isinstance(stated, Mapping):
        return stated
    message = f"{_place(alias)} = {stated!r} is of type {type(stated).__name__}"
    raise _Wrong(Problem(Kind.VALUE, message, 'Write a dict, such as {"LOCK_TIMEOUT": "2s"}.'))


def _place(alias: str, *keys: object) -> str:
    return "".join(["DATABASES", *(f"[{key!r}]" for key in (alias, PER_DATABASE, *keys))])


def _wrong_value(stated: _Stated) -> list[Problem]:
    try:
        stated.read()
    except _Wrong as error:
        return [error.problem]
    return []


def _without_effect(everything: list[_Stated]) -> list[_Stated]:
    return [stated for stated in everything if has_db_default and stated.name == "KEEP_DEFAULT"]


def _no_effect(stated: _Stated) -> Problem:
    message = f"{stated.where} is deprecated and has no effect on Django 5.0 and later"
    return Problem(Kind.NO_EFFECT, message, "Remove it; write db_default where a default is to stay in the database.")


def _unknown_flat() -> Iterator[Problem]:
    for name in dir(settings):
        if name == PER_DATABASE:
            hint = f"Write it as DATABASES[alias][{PER_DATABASE!r}], or each setting as {PREFIX}<NAME>."
            yield Problem(Kind.NAME, f"The setting {name} is not read", hint)
        elif _LOOKS_OURS.match(name) and name not in _FLAT_NAMES:
            yield _unknown(f"The setting {name}", name, _SETTINGS, lambda likely: f"{PREFIX}{likely}")


def _unknown_of_database(alias: str) -> Iterator[Problem]:
    for key in database(alias):
        if key != PER_DATABASE and _LOOKS_OURS.match(str(key).upper()):
            yield _unknown_beside(alias, str(key))
    own = database(alias).get(PER_DATABASE)
    for key in own if isinstance(own, Mapping) else ():
        if key == "BASE_BACKEND":
            hint = f"Write {PREFIX}{key}: one backend is read for all databases, when the module is imported."
            yield Problem(Kind.NAME, f"{_place(alias, key)} is not read", hint)
        elif key not in _DATABASE_SETTINGS:
            yield _unknown(_place(alias, key), str(key), _DATABASE_SETTINGS, lambda likely: f'"{likely}"')


def _unknown_beside(alias: str, key: str) -> Problem:
    likely = _likely(key, _DATABASE_SETTINGS)
    inside = f'{{"{likely}": …}}' if likely else "{…}"
    return Problem(Kind.NAME, f"DATABASES[{alias!r}][{key!r}] is not read", f'Write "{PER_DATABASE}": {inside}.')


def _unknown(where: str, name: str, known: Mapping[str, Reader], spell: Callable[[str], str]) -> Problem:
    bare_name = _ANY_PREFIX.sub("", name.upper())
    if bare_name in _GONE:
        return Problem(Kind.GONE, f"{where} is a setting of an earlier version", f"Remove it: {_GONE[bare_name]}.")
    likely = _likely(name, known)
    hint = f"Write {spell(likely)}." if likely else f"The names are {', '.join(map(spell, known))}."
    return Problem(Kind.NAME, f"{where} is not a setting that we know", hint)


def _likely(name: str, known: Mapping[str, Reader]) -> str:
    return next(iter(difflib.get_close_matches(_ANY_PREFIX.sub("", name.upper()), known, n=1)), "")
