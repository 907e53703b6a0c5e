"""The settings that a project states, and their places."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from .acceptances import Acceptances, read_environment
from .compat import has_db_default
from .presets import PRESETS
from .record import Row
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
    PRESET,
    QUIET_TIME,
    SIZE,
    SIZE_OR_NONE,
    STARTS,
    WAIT,
    Reader,
)

#: The key in ``DATABASES[alias]`` for the settings of one database.
PER_DATABASE: Final = "ZERO_DOWNTIME_MIGRATIONS"

#: The prefix of the names of settings for all databases.
PREFIX: Final = "ZERO_DOWNTIME_MIGRATIONS_"

#: The options of ``check_migrations``, which belong to the project and not to a database.
OF_CHECK: Final = f"{PREFIX}CHECK"

OF_DATABASE: Final[Mapping[str, Reader]] = {
    "PRESET": PRESET,
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
ALL: Final[Mapping[str, Reader]] = {**OF_DATABASE, "BASE_BACKEND": BACKEND}

# ZERO_DOWNTIME_DEFERRED_SQL is the name in the baseline's documentation. It comes first, so the regular name wins.
FLAT_NAMES: Final[Mapping[str, str]] = {
    "ZERO_DOWNTIME_DEFERRED_SQL": "DEFERRED_SQL",
    **{f"{PREFIX}{name}": name for name in ALL},
}

GONE: Final[Mapping[str, str]] = {"USE_NOT_NULL": "SET NOT NULL always goes by way of a validated constraint"}

MISSING: Final = object()


class Kind(Enum):
    """The kind of a problem with a setting."""

    VALUE = "wrong value"
    NAME = "unknown name"
    GONE = "name of an earlier version"
    NO_EFFECT = "no effect on this Django"


class Problem(Row):
    """One problem with the settings, and the text to write instead."""

    kind: Kind
    message: str
    hint: str


class Wrong(ImproperlyConfigured):
    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.message}. {problem.hint}")
        self.problem = problem


class Stated(Row):
    """A value that the user wrote, and its place."""

    name: str
    value: object
    where: str

    def read(self) -> Any:
        reader = ALL[self.name]
        try:
            return reader.read(self.value)
        except ValueError as error:
            message = f"{self.where} = {self.value!r} {error}"
            raise Wrong(Problem(Kind.VALUE, message, f"Write {reader.accepted}.")) from None


def everything(alias: str) -> list[Stated]:
    """Return the stated settings of a database; of two values of one setting, the later one counts. So the database's
    own settings come last, and a preset's settings come before all that are stated by name.

    :raises Wrong: when the database's own settings cannot be read at all.
    """
    stated = [*flat(), *of_database(alias)]
    chosen = next((one for one in reversed(stated) if one.name == "PRESET"), None)
    return [*(_of_preset(chosen) if chosen else ()), *stated]


def _of_preset(chosen: Stated) -> Iterator[Stated]:
    # An unknown preset is an error when PRESET itself is read.
    meant = PRESETS.get(chosen.value, {}) if isinstance(chosen.value, str) else {}
    for name, value in meant.items():
        yield Stated(name, value, chosen.where)


def flat() -> Iterator[Stated]:
    for flat_name, name in FLAT_NAMES.items():
        value = getattr(settings, flat_name, MISSING)
        if value is not MISSING:
            yield Stated(name, value, f"The setting {flat_name}")


def of_database(alias: str) -> Iterator[Stated]:
    own = _own_settings(alias)
    if isinstance(own, str):
        yield Stated("PRESET", own, place(alias))
    else:
        for name, value in own.items():
            if name in OF_DATABASE:
                yield Stated(name, value, place(alias, name))
    # Old code runs or not during one deployment, so this counts most.
    if text := os.environ.get(name := f"{PREFIX}OLD_CODE"):
        yield Stated("OLD_CODE", text, f"The environment variable {name}")


def _own_settings(alias: str) -> Mapping[Any, Any] | str:
    stated = database(alias).get(PER_DATABASE, {})
    if isinstance(stated, (Mapping, str)):
        return stated
    message = f"{place(alias)} = {stated!r} is of type {type(stated).__name__}"
    raise Wrong(Problem(Kind.VALUE, message, 'Write "recommended", or a dict, such as {"LOCK_TIMEOUT": "2s"}.'))


def place(alias: str, *keys: object) -> str:
    return "".join(["DATABASES", *(f"[{key!r}]" for key in (alias, PER_DATABASE, *keys))])


def without_effect(everything: list[Stated]) -> list[Stated]:
    return [stated for stated in everything if has_db_default and stated.name == "KEEP_DEFAULT"]


def no_effect(stated: Stated) -> Problem:
    message = f"{stated.where} is deprecated and has no effect on Django 5.0 and later"
    return Problem(Kind.NO_EFFECT, message, "Remove it; write db_default where a default is to stay in the database.")


def accepted_once() -> Acceptances:
    """Read the acceptances of the environment, which add to the settings: a rollback at night needs no release."""
    name = f"{PREFIX}ACCEPT"
    text = os.environ.get(name, "")
    try:
        return read_environment(text)
    except ValueError as error:
        message = f"The environment variable {name} = {text!r} {error}"
        hint = 'Write "shop.0007_total: reason", and a semicolon between two of them.'
        raise Wrong(Problem(Kind.VALUE, message, hint)) from None


def database(alias: str) -> Mapping[Any, Any]:
    """Return the entry of ``DATABASES`` for this alias, ``{}`` without one."""
    # A database that was added to the connection handler while the process runs is only in the handler.
    return settings.DATABASES.get(alias) or connections.settings.get(alias) or {}
