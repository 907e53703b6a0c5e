"""The forgotten column goes. Named once more, it goes as a field does: its index first, and with a wait for its lock.

`ALTER TABLE … DROP COLUMN` in a RunSQL would be sent as it is, once, and fail where its lock is not free in time.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0035_delete_voucher")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AddField("Order", "voucher_id", models.BigIntegerField(null=True))]
        ),
        migrations.RemoveField("Order", "voucher_id"),
    ]
