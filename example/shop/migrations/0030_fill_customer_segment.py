"""A data migration: small batches, each committed, so that no row is locked for long."""

from __future__ import annotations

from django.db import migrations, models

BATCH = 2000


def fill_segments(apps, schema_editor):
    customers = apps.get_model("shop", "Customer").objects.using(schema_editor.connection.alias)
    last = customers.aggregate(last=models.Max("pk"))["last"] or 0
    for start in range(0, last + 1, BATCH):
        customers.filter(pk__gte=start, pk__lt=start + BATCH, segment=None).update(segment="regular")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("shop", "0029_customer_segment")]

    operations = [
        migrations.RunPython(fill_segments, migrations.RunPython.noop),
    ]
