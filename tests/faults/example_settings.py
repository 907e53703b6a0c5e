"""Settings of the example project in the processes that are killed."""

from __future__ import annotations

from example.settings import *  # noqa: F403
from example.settings import DATABASES, RECOMMENDED

DATABASES["default"]["ENGINE"] = "tests.faults.engine"
DATABASES["default"]["ZERO_DOWNTIME_MIGRATIONS"] = {**RECOMMENDED, "RAISE_FOR_UNSAFE": False}
