"""An app with a table of some pages."""

from __future__ import annotations

import pytest
from django.db import migrations, models

from tests.backends.fixtures import observer, shop, site, twins
from tests.backends.project import Shop, Site

__all__ = ["observer", "shop", "site", "twins"]

ORDER = migrations.CreateModel(
    "order",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("total", models.IntegerField(null=True)),
        ("cents", models.BigIntegerField(null=True)),
        ("times", models.IntegerField(default=0)),
        ("note", models.CharField(max_length=200, default="100%")),
    ],
)
ROWS = """
INSERT INTO shop_order (total, times, note)
SELECT nullif(n % 10, 0), 0, CASE n % 3 WHEN 0 THEN 'it''s 100%s' ELSE repeat('x', 60) END
FROM generate_series(1, 20000) n
"""


@pytest.fixture
def orders(shop: Shop) -> Shop:
    """Make about 240 pages: many batches."""
    shop.migrate(ORDER)
    shop.run(ROWS)
    return shop


@pytest.fixture
def project(site: Site) -> Site:
    """The same, for the command line."""
    site.add(ORDER)
    site.migrate()
    return site
