"""The common settings of the projects; the test that starts one names the engine and the database."""

from __future__ import annotations

import json
import os
from typing import Any

#: Ours or Django's own, or what the package puts in its place.
ENGINE = os.environ["WORKS_WITH_ENGINE"]
DATABASES: dict[str, dict[str, Any]] = {"default": {**json.loads(os.environ["WORKS_WITH_DATABASE"]), "ENGINE": ENGINE}}
INSTALLED_APPS = ["tests.works_with.shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "tests"
USE_TZ = True

ZERO_DOWNTIME_MIGRATIONS_LOCK_TIMEOUT = "2s"
ZERO_DOWNTIME_MIGRATIONS_LOCK_RETRY_TIMEOUT = "20s"
ZERO_DOWNTIME_MIGRATIONS_FLEXIBLE_STATEMENT_TIMEOUT = True
ZERO_DOWNTIME_MIGRATIONS_RAISE_FOR_UNSAFE = "WORKS_WITH_UNSAFE" not in os.environ
