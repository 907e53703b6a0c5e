"""The settings module that a run of Django's tests gets, written as a file that can be read after a failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import django

# Names the file that the test runner leaves its record in.
RECORD_VARIABLE = "DJANGO_SUITE_RECORD"
TIMEOUTS = {
    "ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT": "2s",
    "ZERO_DOWNTIME_MIGRATIONS_STATEMENT_TIMEOUT": "5s",
    "ZERO_DOWNTIME_MIGRATIONS_FLEXIBLE_STATEMENT_TIMEOUT": True,
}
DRIVER_OPTIONS: dict[str, dict[str, Any]] = {"ssb": {"server_side_binding": True}, "pool": {"pool": True}}


@dataclass(frozen=True)
class Run:
    """The parameters of one run of the suites."""

    engine: str
    url: str
    labels: list[str]
    driver_option: str | None = None
    timeouts: bool = False
    runtests: list[str] = field(default_factory=list)


def render(run: Run) -> str:
    """The text of the settings module."""
    values: dict[str, Any] = {
        "DATABASES": {alias: _database(run, alias) for alias in ("default", "other")},
        "SECRET_KEY": "not-a-secret",
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "USE_TZ": False,
        "TEST_RUNNER": "tests.django_suite.runner.RecordingRunner",
    }
    # Django 6.0 made BigAutoField the default and its tests rely on it; before, they rely on AutoField.
    if django.VERSION < (6, 0):
        values["DEFAULT_AUTO_FIELD"] = "django.db.models.AutoField"
    if run.timeouts:
        values |= TIMEOUTS
    return "".join(f"{name} = {value!r}\n" for name, value in values.items())


def _database(run: Run, alias: str) -> dict[str, Any]:
    url = urlsplit(run.url)
    return {
        "ENGINE": run.engine,
        "NAME": f"django_{alias}",
        "HOST": url.hostname or "",
        "PORT": str(url.port or ""),
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "OPTIONS": DRIVER_OPTIONS[run.driver_option] if run.driver_option else {},
    }
