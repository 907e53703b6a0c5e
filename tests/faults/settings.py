"""Django settings of the processes that are killed: one app, whose migrations a scenario has."""

from __future__ import annotations

from typing import Any

from example.settings import RECOMMENDED
from tests.settings import *  # noqa: F403
from tests.settings import DATABASE_URL, connection_parameters

DATABASES: dict[str, Any] = {  # type: ignore[no-redef]
    "default": {
        "ENGINE": "tests.faults.engine",
        **connection_parameters(DATABASE_URL),
        # The findings of the rules do not matter here.
        "ZERO_DOWNTIME_MIGRATIONS": {**RECOMMENDED, "RAISE_FOR_UNSAFE": False},
    }
}
INSTALLED_APPS = ["django.contrib.postgres", "tests.faults.app", "tests.faults.other"]
