from __future__ import annotations

import pytest
from django.db import migrations, models

from tests.backends.fixtures import shop
from tests.backends.project import Shop

__all__ = ["shop"]


@pytest.fixture
def books(shop: Shop) -> Shop:
    """A table that is in use."""
    return in_use(shop)


def in_use(shop: Shop) -> Shop:
    shop.migrate(
        migrations.CreateModel(
            "book",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("pages", models.IntegerField(null=True)),
                ("title", models.CharField(max_length=20)),
            ],
        )
    )
    shop.run("INSERT INTO shop_book (pages, title) SELECT n, n FROM generate_series(1, 50) n")
    return shop
