"""A table goes to which a column that the code has forgotten still refers."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0034_forget_order_voucher")]

    operations = [
        migrations.DeleteModel("Voucher"),
    ]
