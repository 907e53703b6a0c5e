from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backends.fixtures import observer, site
from tests.backends.project import Shop
from tests.pooler.bouncer import bouncer

__all__ = ["observer", "site"]


@pytest.fixture
def pooled(
    database: BaseDatabaseWrapper, make_connection: Callable[..., BaseDatabaseWrapper]
) -> Iterator[Callable[..., Shop]]:
    """pooled(mode, **options): migrations in the database of `database`, through a PgBouncer with these options.

    `like=` another one takes its PgBouncer, as another client.
    """
    with ExitStack() as cleanup:

        def make(mode: str = "", like: Shop | None = None, **options: Any) -> Shop:
            if like is not None:
                port = int(like.connection.settings_dict["PORT"])
            else:
                port = cleanup.enter_context(bouncer(mode, **options))
            name = database.settings_dict["NAME"]
            return Shop(make_connection(name=name, HOST="127.0.0.1", PORT=str(port), DISABLE_SERVER_SIDE_CURSORS=True))

        yield make
        database.close()
