"""System checks that ask the databases which Django is told to check: ``manage.py check --database default``.

Their requirements are imported when they run: an app is loaded by every process of a project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

from .checks import TAG, has_our_engine
from .django_types import Connection
from .settings import effective

if TYPE_CHECKING:
    from django.apps import AppConfig

Answer = TypeVar("Answer")
#: Seconds. A debt that is older has been forgotten, or something keeps it.
LONG_OWED: Final = 7 * 86_400


def check_owed(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[checks.CheckMessage]:
    """Report backfills that migrations have left for later, and removals that have been owed for long."""
    found: list[checks.CheckMessage] = []
    for alias, (owed, old) in _asked(databases, _owed):
        if owed:
            message = f"Backfills are owed in database {alias!r}: {owed}."
            hint = f"Run manage.py backfills --run{_option(alias)}."
            found.append(checks.Warning(message, hint=hint, id=f"{TAG}.W008"))
        if old:
            message = f"Removals have been owed for more than a week in database {alias!r}: {old}."
            hint = f"manage.py contract{_option(alias)} --list says what keeps them."
            found.append(checks.Warning(message, hint=hint, id=f"{TAG}.W010"))
    return found


def _owed(connection: Connection) -> tuple[str, str]:
    """Return the backfills, and the removals that have been owed for long, in words."""
    from .execution.batches.records import Backfills
    from .execution.owed.debts import Debts

    backfills = Backfills(connection)
    debts = Debts(connection, backfills.kept)
    owed = [*(entry.id for entry in backfills.all() if entry.is_owed), *backfills.elsewhere()]
    old = [*(f"{x.id} ({x.what})" for x in debts.older_than(LONG_OWED)), *debts.unread()]
    return ", ".join(owed), ", ".join(old)


def _option(alias: str) -> str:
    return "" if alias == "default" else f" --database {alias}"


def check_left(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: object
) -> list[checks.CheckMessage]:
    """Report the remains of online changes that no run will finish."""
    from .execution.journal.leftovers import leftovers

    return [
        checks.Warning(each.message(alias), hint=each.hint, id=f"{TAG}.W011")
        for alias, left in _asked(databases, leftovers)
        for each in left
    ]


def _asked(databases: Sequence[str] | None, ask: Callable[[Connection], Answer]) -> Iterator[tuple[str, Answer]]:
    """Yield the answers of the databases that have one of our engines."""
    for alias in filter(has_our_engine, databases or ()):
        connection: Any = connections[alias]
        try:
            effective(alias)
            answer = ask(connection)
        except (DatabaseError, ImproperlyConfigured):  # these are other checks' concern
            continue
        yield alias, answer
