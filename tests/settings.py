"""Django settings of the tests. Without DATABASE_URL they start a server of their own (PG_MAJOR chooses which)."""

from __future__ import annotations

import importlib.util
import os
from typing import Any
from urllib.parse import unquote, urlsplit

if "DATABASE_URL" not in os.environ:
    from servers import launch

    # In the environment, so that the workers of pytest-xdist share this server.
    wanted = int(os.environ["PG_MAJOR"]) if os.environ.get("PG_MAJOR") else None
    os.environ["DATABASE_URL"] = launch.start(wanted, in_memory=True).url

DATABASE_URL = os.environ["DATABASE_URL"]
ENGINE = os.environ.get("TEST_ENGINE", "django_zero_downtime_migrations.backends.postgres")
POSTGIS = ENGINE.endswith("postgis")
STOCK_ENGINE = "django.contrib.gis.db.backends.postgis" if POSTGIS else "django.db.backends.postgresql"


def connection_parameters(url: str) -> dict[str, Any]:
    """A DATABASES entry without its engine."""
    parts = urlsplit(url)
    server_side_binding = os.environ.get("TEST_SERVER_SIDE_BINDING") == "1"
    if server_side_binding and importlib.util.find_spec("psycopg") is None:
        raise RuntimeError("TEST_SERVER_SIDE_BINDING needs psycopg 3")
    return {
        "NAME": parts.path.lstrip("/") or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {"server_side_binding": True} if server_side_binding else {},
    }


DATABASES = {
    "default": {"ENGINE": ENGINE, **connection_parameters(DATABASE_URL)},
    "stock": {"ENGINE": STOCK_ENGINE, **connection_parameters(DATABASE_URL), "NAME": "stock"},
}
INSTALLED_APPS: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "tests"
# The tests' tables stand for large ones.
ZERO_DOWNTIME_MIGRATIONS_CHECK_SMALL_TABLE = 0
USE_TZ = True
