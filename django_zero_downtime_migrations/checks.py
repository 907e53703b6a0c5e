"""System checks of our settings.

They read settings and never connect, so a plain ``manage.py check`` runs them wherever the app is installed.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.utils import load_backend

from . import DISTRIBUTION
from .acceptances import Acceptances
from .django_types import MigrationLoader
from .record import Row
from .settings import effective
from .stated_settings import PER_DATABASE, PREFIX, Kind, database

if TYPE_CHECKING:
    from django.apps import AppConfig

#: ``manage.py check --tag zero_downtime_migrations`` runs only what is here.
TAG: Final = "zero_downtime_migrations"

#: Milliseconds. Queries that queue behind a migration for longer than this are seen by people.
LONG_WAIT: Final = 5000

_BACKENDS: Final = f"{__package__}.backends"

#: A file of another distribution whose package has the same name as ours.
_OTHER: Final = "django-pg-zero-downtime-migrations"

_MESSAGES: Final[dict[Kind, tuple[type[checks.Error] | type[checks.Warning], str]]] = {
    Kind.VALUE: (checks.Error, f"{TAG}.E001"),
    Kind.NAME: (checks.Error, f"{TAG}.E002"),
    Kind.GONE: (checks.Warning, f"{TAG}.W001"),
    Kind.NO_EFFECT: (checks.Warning, f"{TAG}.W002"),
}
#: The check for a key of ACCEPT without a match.
_UNKNOWN: Final = f"{TAG}.E005"
#: Findings of this rule say that the server would refuse the statement: there is nothing to accept.
_NOT_TO_BE_ACCEPTED: Final = "CANNOT_MIGRATE"


def check_settings(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[checks.CheckMessage]:
    """Check the databases that have one of our engines: the ones asked for, else all."""
    found: list[checks.CheckMessage] = []
    for alias in databases or {**settings.DATABASES, **connections.settings}:
        if has_our_engine(alias):
            # The problems of a flat setting are the same for every database.
            found += [message for message in check_database(alias) if message not in found]
    return found


def check_distributions(app_configs: Sequence[AppConfig] | None = None, **kwargs: object) -> list[checks.CheckMessage]:
    """Find the distribution that this package replaces, if it is installed as well."""
    # Imported here: nothing but checks needs it, and it takes longer than all of our settings.
    from importlib.metadata import PackageNotFoundError, version

    try:
        other = version(_OTHER)
    except PackageNotFoundError:
        return []
    message = (
        f"{_OTHER} {other} is installed beside {DISTRIBUTION}: both have their files in the folder {__package__}, so "
        "that the one that came last has replaced files of the other, and what removes one removes files of both."
    )
    again = f"python -m pip install --force-reinstall --no-deps {DISTRIBUTION}"
    hint = f"Run `python -m pip uninstall {_OTHER}`, and then `{again}`."
    return [checks.Error(message, hint=hint, id=f"{TAG}.E004")]


def check_database(alias: str) -> list[checks.CheckMessage]:
    """Check the settings that count for the database with this alias."""
    # Imported here: an app is loaded by every process of a project, and most of them check nothing.
    from .setting_problems import problems

    found: list[checks.CheckMessage] = []
    for problem in problems(alias):
        level, number = _MESSAGES[problem.kind]
        found.append(level(f"{problem.message}.", hint=problem.hint, id=number))
    waits = [*_long_waits(alias), *_contradictions(alias)]
    return [*found, *waits, *_unknown_starts(alias), *_unknown_replicas(alias), *_unknown_acceptances(alias)]


def has_our_engine(alias: str) -> bool:
    """Whether the alias's connections are ours: by engine, or because their classes derive from ours."""
    engine = str(database(alias).get("ENGINE") or "django.db.backends.dummy")
    if f"{engine}.".startswith(f"{_BACKENDS}."):
        return True
    try:
        wrapper = load_backend(engine).DatabaseWrapper
    except (ImproperlyConfigured, ImportError):  # the missing driver of another engine is not our concern
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
        here = f'DATABASES["{alias}"]["{PER_DATABASE}"]'
        hint = (
            f'Write {here} = "recommended", which sets what most projects need, or {here} = {{"LOCK_TIMEOUT": "2s"}}; '
            f'{PREFIX}PRESET = "recommended" or {PREFIX}LOCK_TIMEOUT = "2s" for all databases.'
        )
        return [checks.Warning(message, hint=hint, id=f"{TAG}.W003")]
    if not values.statement_timeout and not 0 < values.lock_timeout <= LONG_WAIT:
        longest = f"for {values.lock_timeout} ms" if values.lock_timeout else "without end"
        message = f"LOCK_TIMEOUT of database {alias!r} lets queries queue {longest}; no STATEMENT_TIMEOUT ends that."
        return [checks.Warning(message, hint=_write(alias, "STATEMENT_TIMEOUT", "3s"), id=f"{TAG}.W004")]
    return []


class Unknown(Row):
    """A key of ACCEPT that is about nothing, and what to write instead."""

    message: str
    hint: str


def unknown_acceptances(stated: Acceptances, loader: MigrationLoader) -> Iterator[Unknown]:
    """Yield the keys of ACCEPT that no migration matches.

    :param loader: Django's, of migrations.
    """
    # Imported here: most projects accept nothing, and the rules are many modules.
    from .rules import BY_CODE

    codes = [code for code in BY_CODE if code != _NOT_TO_BE_ACCEPTED]
    for one in stated.values():
        where = f"The environment variable {PREFIX}ACCEPT" if one.once else "ACCEPT"
        has = f"{where} has the key {one.key!r}"
        names = [name for app, name in loader.disk_migrations if app == one.app]
        if one.app not in loader.migrated_apps:
            yield Unknown(
                f"{has}: no app with migrations is called {one.app!r}", _likely(one.app, loader.migrated_apps)
            )
        elif one.migration and one.migration not in names:
            yield Unknown(f"{has}: app {one.app!r} has no such migration", _likely(one.migration, names))
        elif one.code == _NOT_TO_BE_ACCEPTED:
            yield Unknown(
                f"{has}: what the server refuses cannot be accepted", "Do what the message of check_migrations says."
            )
        elif one.code and one.code not in codes:
            yield Unknown(f"{has}: no rule is called {one.code!r}", _likely(one.code, codes))


def _likely(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    longer = [each for each in known if each.startswith(name)]
    close = longer or difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Write {close[0]!r}."
    return f"There are {', '.join(map(repr, known))}." if known else "Remove it."


def _unknown_acceptances(alias: str) -> list[checks.CheckMessage]:
    try:
        stated = effective(alias).accept
    except ImproperlyConfigured:  # problems() has it already
        return []
    if not stated:
        return []
    # Imported here, since it imports every migration of the project.
    from django.db.migrations.loader import MigrationLoader

    try:
        loader = MigrationLoader(None, ignore_no_migrations=True)
    except Exception:  # a migration is a module, whose import may do anything; the command that needs it says so
        return []
    return [checks.Error(f"{x.message}.", hint=x.hint, id=_UNKNOWN) for x in unknown_acceptances(stated, loader)]


def _contradictions(alias: str) -> list[checks.CheckMessage]:
    """Find settings that are valid alone, and cannot be meant together."""
    try:
        values = effective(alias)
    except ImproperlyConfigured:  # problems() has it already
        return []
    found: list[checks.CheckMessage] = []
    lock, statement, retry = values.lock_timeout, values.statement_timeout, values.lock_retry_timeout
    if lock and statement and lock > statement:
        message = (
            f"LOCK_TIMEOUT ({lock} ms) of database {alias!r} is longer than STATEMENT_TIMEOUT ({statement} ms), which "
            "ends a statement that waits for its lock as well: LOCK_TIMEOUT has no effect."
        )
        found.append(checks.Warning(message, hint=_write(alias, "LOCK_TIMEOUT", "2s"), id=f"{TAG}.W005"))
    if lock and retry and retry < lock:
        message = (
            f"LOCK_RETRY_TIMEOUT ({retry} ms) of database {alias!r} is shorter than LOCK_TIMEOUT ({lock} ms), the wait "
            "of one attempt: there will be no second one."
        )
        found.append(checks.Warning(message, hint=_write(alias, "LOCK_RETRY_TIMEOUT", "10min"), id=f"{TAG}.W006"))
    if values.replicas and not retry:
        message = (
            f"REPLICAS of database {alias!r} has no effect without LOCK_RETRY_TIMEOUT: nothing looks before it locks."
        )
        found.append(checks.Warning(message, hint=_write(alias, "LOCK_RETRY_TIMEOUT", "10min"), id=f"{TAG}.W007"))
    if values.online_type_changes and values.idempotent_sql is False:
        message = (
            f"ONLINE_TYPE_CHANGES of database {alias!r} is on, and IDEMPOTENT_SQL is False: a change of type that "
            "takes hours, and is killed, leaves a column and a trigger behind, and has to begin again."
        )
        hint = "Leave IDEMPOTENT_SQL out, or set it to True."
        found.append(checks.Warning(message, hint=hint, id=f"{TAG}.W009"))
    return found


def _unknown_starts(alias: str) -> list[checks.CheckMessage]:
    try:
        starts = effective(alias).check_start or {}
    except ImproperlyConfigured:
        return []
    labels = {config.label for config in apps.get_app_configs()}
    return [
        checks.Error(
            f"CHECK_START of database {alias!r} names {label!r}, which is not the label of an installed app.",
            hint=_likely_label(label, labels),
            id=f"{TAG}.E003",
        )
        for label in starts
        if label not in labels
    ]


def _unknown_replicas(alias: str) -> list[checks.CheckMessage]:
    """Find unknown aliases. ``migrate`` sees which of the others are not hot standbys: checks do not connect."""
    try:
        replicas = effective(alias).replicas
    except ImproperlyConfigured:  # problems() has it already
        return []
    known = {**settings.DATABASES, **connections.settings}
    wrong = {name: "is not an alias in DATABASES" for name in replicas if name not in known}
    wrong |= {name: "is the database itself" for name in replicas if name == alias}
    return [
        checks.Error(
            f"REPLICAS of database {alias!r} names {name!r}, which {why}.",
            hint=_likely(name, set(known) - {alias}) + " It takes the aliases of its hot standbys.",
            id=f"{TAG}.E006",
        )
        for name, why in wrong.items()
    ]


def _likely_label(label: str, labels: Collection[str]) -> str:
    likely = difflib.get_close_matches(label, labels, n=1)
    return f'Write "{likely[0]}".' if likely else "Write the app's label, or take it out."


def _write(alias: str, name: str, value: str) -> str:
    here = f'DATABASES["{alias}"]["{PER_DATABASE}"] = {{"{name}": "{value}"}}'
    return f'Write {here}, or {PREFIX}{name} = "{value}" for all databases.'
