"""Raw SQL, sent as it is written."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0030_fill_customer_segment")]

    operations = [
        migrations.RunSQL(
            "CREATE STATISTICS shop_order_status_channel ON status, channel FROM shop_order",
            "DROP STATISTICS shop_order_status_channel",
        ),
    ]
