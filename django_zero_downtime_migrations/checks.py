"""System checks of our settings.

They read settings and never connect, so a plain ``manage.py check`` runs them wherever the app is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.utils import load_backend

from .settings import PER_DATABASE, PREFIX, Kind, database, effective, problems

if TYPE_CHECKING:
    from django.apps import AppConfig

#: ``manage.py check --tag zero_downtime_migrations`` runs only what is here.
TAG: Final = "zero_downtime_migrations"

#: Milliseconds. Queries that queue behind a migration for longer than this are seen by people.
LONG_WAIT: Final = 5000

_BACKENDS: Final = f"{__package__}.backends"

#: Of another distribution, which has its files in a package of the same name as ours.
_OTHER: Final = "django-pg-zero-downtime-migrations"
_OURS: Final = "django-zero-downtime-migrations"

_MESSAGES: Final[dict[Kind, tuple[type[checks.Error] | type[checks.Warning], str]]] = {
    Kind.VALUE: (checks.Error, f"{TAG}.E001"),
    Kind.NAME: (checks.Error, f"{TAG}.E002"),
    Kind.GONE: (checks.Warning, f"{TAG}.W001"),
    Kind.NO_EFFECT: (checks.Warning, f"{TAG}.W002"),
}


def check_settings(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Check the databases that have one of our engines: those asked for, else all."""
    found: list[checks.CheckMessage] = []
    for alias in databases or {**settings.DATABASES, **connections.settings}:
        if has_our_engine(alias):
            # What is wrong with a flat setting is the same for every database.
            found += [message for message in check_database(alias) if message not in found]
    return found


def check_distributions(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Find the distribution that this package replaces, if it is installed as well."""
    # Imported here: nothing but checks needs it, and it takes longer than all of our settings.
    from importlib.metadata import PackageNotFoundError, version

    try:
        other = version(_OTHER)
    except PackageNotFoundError:
        return []
    message = (
        f"{_OTHER} {other} is installed beside {_OURS}: both have their files in the folder {__package__}, so that "
        "the one that came last has replaced files of the other, and what removes one removes files of both."
    )
    hint = (
        f"Run `python -m pip uninstall {_OTHER}`, and then `python -m pip install --force-reinstall --no-deps {_OURS}`."
    )
    return [checks.Error(message, hint=hint, id=f"{TAG}.E003")]


def check_database(alias: str) -> list[checks.CheckMessage]:
    """Check the settings that count for the database with this alias."""
    found: list[checks.CheckMessage] = []
    for problem in problems(alias):
        level, number = _MESSAGES[problem.kind]
        found.append(level(f"{problem.message}.", hint=problem.hint, id=number))
    return found + _long_waits(alias)


def has_our_engine(alias: str) -> bool:
    """Whether the alias's connections are ours: by engine, or because their classes derive from ours."""
    engine = str(database(alias).get("ENGINE") or "django.db.backends.dummy")
    if f"{engine}.".startswith(f"{_BACKENDS}."):
        return True
    try:
        wrapper = load_backend(engine).DatabaseWrapper
    except (ImproperlyConfigured, ImportError):  # another engine whose driver is not installed is not our concern
        return False
    classes = (wrapper, wrapper.validation_class, wrapper.SchemaEditorClass)
    return any(base.__module__.startswith(_BACKENDS) for one in classes if one for base in one.__mro__)


def _long_waits(alias: str) -> list[checks.CheckMessage]:
    try:
        values = effective(alias)
    except ImproperlyConfigured:  # problems() has it already
        return []
    if values.lock_timeout is None:
        message = f"LOCK_TIMEOUT is not set for database {alias!r}: queries may queue behind a migration without end."
        return [checks.Warning(message, hint=_write(alias, "LOCK_TIMEOUT", "2s"), id=f"{TAG}.W003")]
    if not values.statement_timeout and not 0 < values.lock_timeout <= LONG_WAIT:
        longest = f"for {values.lock_timeout} ms" if values.lock_timeout else "without end"
        message = f"LOCK_TIMEOUT of database {alias!r} lets queries queue {longest}; no STATEMENT_TIMEOUT ends that."
        return [checks.Warning(message, hint=_write(alias, "STATEMENT_TIMEOUT", "3s"), id=f"{TAG}.W004")]
    return []


def _write(alias: str, name: str, value: str) -> str:
    here = f'DATABASES["{alias}"]["{PER_DATABASE}"] = {{"{name}": "{value}"}}'
    return f'Write {here}, or {PREFIX}{name} = "{value}" for all databases.'
