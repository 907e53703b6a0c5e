"""Django settings of the demo: the database that both start from, and one per engine.

`ours_watch` and `stock_watch` look on with stock Django."""

from __future__ import annotations

import os
from urllib.parse import urlsplit, urlunsplit

from example.settings import *  # noqa: F403
from example.settings import database

SERVER = urlsplit(os.environ["DATABASE_URL"])


def url_of(name: str) -> str:
    return urlunsplit(SERVER._replace(path=f"/{name}"))


DATABASES = {
    "default": {},
    "server": database(url_of("postgres"), "stock"),
    "start": database(url_of("shop_start"), "stock"),
    "ours": database(url_of("shop_ours"), os.environ.get("EXAMPLE_ENGINE", "ours")),
    "ours_watch": database(url_of("shop_ours"), "stock"),
    "stock": database(url_of("shop_stock"), "stock"),
    "stock_watch": database(url_of("shop_stock"), "stock"),
}
