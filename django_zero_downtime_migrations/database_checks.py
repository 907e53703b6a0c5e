"""System checks that ask the databases which Django is told to check: ``manage.py check --database default``.

What they need is imported when they run: an app is loaded by every process of a project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from .checks import TAG, has_our_engine
from .settings import effective

if TYPE_CHECKING:
    from django.apps import AppConfig

#: Seconds. What is owed for longer has been forgotten, or something keeps it.
LONG_OWED: Final = 7 * 86_400


def check_owed(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[checks.CheckMessage]:
    """Tell of backfills that migrations have left for later, and of removals that have been owed for long."""
    from django.db import DatabaseError

    from .execution.backfills import Backfills
    from .execution.debts import Debts

    found: list[checks.CheckMessage] = []
    for alias in filter(has_our_engine, databases or ()):
        connection: Any = connections[alias]
        try:
            effective(alias)
            backfills = Backfills(connection)
            owed = ", ".join([*(entry.id for entry in backfills.all() if entry.is_owed), *backfills.elsewhere()])
            debts = Debts(connection, backfills.kept)
            old = ", ".join([*(f"{x.id} ({x.what})" for x in debts.older_than(LONG_OWED)), *debts.unread()])
        except (DatabaseError, ImproperlyConfigured):  # these are other checks' concern
            continue
        if owed:
            message = f"Backfills are owed in database {alias!r}: {owed}."
            hint = f"Run manage.py backfills --run{_option(alias)}."
            found.append(checks.Warning(message, hint=hint, id=f"{TAG}.W008"))
        if old:
            message = f"Removals have been owed for more than a week in database {alias!r}: {old}."
            hint = f"manage.py contract{_option(alias)} --list says what keeps them."
            found.append(checks.Warning(message, hint=hint, id=f"{TAG}.W010"))
    return found


def _option(alias: str) -> str:
    return "" if alias == "default" else f" --database {alias}"


def check_left(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[checks.CheckMessage]:
    """Tell of what online changes have left that nobody will finish."""
    from django.db import DatabaseError

    from .execution.leftovers import leftovers

    found: list[checks.CheckMessage] = []
    for alias in filter(has_our_engine, databases or ()):
        connection: Any = connections[alias]
        try:
            effective(alias)
            left = leftovers(connection)
        except (DatabaseError, ImproperlyConfigured):  # these are other checks' concern
            continue
        found += [checks.Warning(each.message(alias), hint=each.hint, id=f"{TAG}.W011") for each in left]
    return found
