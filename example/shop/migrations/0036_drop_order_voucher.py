"""The forgotten column goes."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0035_delete_voucher")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE shop_order DROP COLUMN voucher_id",
            "ALTER TABLE shop_order ADD COLUMN voucher_id bigint NULL",
        ),
    ]
