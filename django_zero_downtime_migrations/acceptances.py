"""Findings that a project accepts from outside of its migrations, by a setting or by the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .record import Row

#: The app's label; with a dot the migration's name; behind a colon a rule's code.
_KEY: Final = r"(?P<app>[^\W\d]\w*)(?:\.(?P<migration>[^.:;\s]+))?(?::(?P<code>[A-Z][A-Z0-9_]*))?"
#: The space tells a reason from a code.
_WITH_REASON: Final = rf"\s*(?P<key>{_KEY}):(?:\s+(?P<reason>.*))?"
_EXAMPLES: Final = "'shop', 'shop.0007_total', 'shop:ALTER_COLUMN_TYPE' or 'shop.0007_total:ALTER_COLUMN_TYPE'"


class Acceptance(Row):
    """One key of ACCEPT and its reason.

    :param app: label of the migrations' app.
    :param migration: the name of the only migration that is meant; empty for all of the app.
    :param code: the only rule whose findings are accepted; empty for every rule.
    :param once: stated in the environment, not in the settings.
    """

    app: str
    migration: str
    code: str
    reason: str
    once: bool = False

    @property
    def key(self) -> str:
        """The key as it is written in the setting."""
        migration = f".{self.migration}" if self.migration else ""
        return f"{self.app}{migration}" + (f":{self.code}" if self.code else "")

    def covers(self, app: str, migration: str, code: str) -> bool:
        """Return whether it is about the findings of this rule in this migration."""
        return self.app == app and self.migration in ("", migration) and self.code in ("", code)


Acceptances = Mapping[str, Acceptance]
NOTHING: Final[Acceptances] = {}


def acceptance(stated: Acceptances, app: str, migration: str, code: str) -> Acceptance | None:
    """Return the most exact one that covers a finding: its migration counts more than its code.

    :param code: empty for what no rule has judged.
    """
    covering = [one for one in stated.values() if one.covers(app, migration, code)]
    return max(covering, key=lambda one: (one.migration != "", one.code != ""), default=None)


def read_acceptances(value: object) -> Acceptances:
    """Read the setting.

    :raises ValueError: saying what is wrong with it.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"is of type {type(value).__name__}")
    return {key: _read(key, reason) for key, reason in value.items()}


def read_environment(text: str) -> Acceptances:
    """Read the environment: ``key: reason``, several of them separated by semicolons or line feeds.

    :raises ValueError: saying what is wrong with it.
    """
    parts = [part for part in text.replace("\n", ";").split(";") if part.strip()]
    found = [_read_part(part)._replace(once=True) for part in parts]
    return {one.key: one for one in found}


def _read_part(part: str) -> Acceptance:
    found = re.fullmatch(_WITH_REASON, part)
    if found is None:
        raise ValueError(f"has {part.strip()!r}, which is not a key, a colon, a space and a reason")
    return _read(found["key"], found["reason"] or "")


def _read(key: object, reason: object) -> Acceptance:
    found = re.fullmatch(_KEY, key) if isinstance(key, str) else None
    if found is None:
        raise ValueError(f"has the key {key!r}, which is not like {_EXAMPLES}")
    if not isinstance(reason, str):
        raise ValueError(f"has a reason of type {type(reason).__name__} for {key!r}")
    if not reason.strip():
        raise ValueError(f"has no reason for {key!r}")
    return Acceptance(found["app"], found["migration"] or "", found["code"] or "", reason.strip())
