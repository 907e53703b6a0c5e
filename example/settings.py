"""Settings of the example project: one PostgreSQL database, our engine, the recommended timeouts.

DATABASE_URL says where (default: postgresql://postgres@127.0.0.1:5432/shop), EXAMPLE_ENGINE with which backend.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

ENGINES = {
    "ours": "django_zero_downtime_migrations.backends.postgres",
    "stock": "django.db.backends.postgresql",
}

RECOMMENDED = {
    # What a client may have to wait for us, once. Far below deadlock_timeout, so in a lock cycle the migration loses.
    "LOCK_TIMEOUT": "200ms",
    # How long to go on trying. Until then it waits outside the queue while others hold what it needs.
    "LOCK_RETRY_TIMEOUT": "1min",
    # lock_timeout counts per relation; this bounds the whole.
    "STATEMENT_TIMEOUT": "400ms",
    # A concurrent index build or a validation may take its time: it blocks no traffic.
    "FLEXIBLE_STATEMENT_TIMEOUT": True,
    "RAISE_FOR_UNSAFE": os.environ.get("EXAMPLE_RAISE_FOR_UNSAFE", "1") == "1",
    # Raw SQL of a migration must not make a lock queue either.
    "LOCK_TIMEOUT_FORCE": True,
}


def database(url: str, engine: str) -> dict[str, Any]:
    """The entry of DATABASES for a URL and an engine (`ours`, `stock` or a module path)."""
    parts = urlsplit(url)
    entry: dict[str, Any] = {
        "ENGINE": ENGINES.get(engine, engine),
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
    }
    if engine != "stock":
        entry["ZERO_DOWNTIME_MIGRATIONS"] = RECOMMENDED
    return entry


SECRET_KEY = "example"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.postgres", "example.shop", "example.unsafe"]
if find_spec("django_zero_downtime_migrations"):
    INSTALLED_APPS.insert(0, "django_zero_downtime_migrations")
DATABASES = {
    "default": database(
        os.environ.get("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/shop"),
        os.environ.get("EXAMPLE_ENGINE", "ours"),
    )
}
