from django.db import migrations, models
from psqlextra.backend.migrations.operations import (
    PostgresAddDefaultPartition,
    PostgresAddHashPartition,
    PostgresAddListPartition,
    PostgresAddRangePartition,
    PostgresCreatePartitionedModel,
)
from psqlextra.fields import HStoreField
from psqlextra.models import PostgresModel, PostgresPartitionedModel
from psqlextra.types import PostgresPartitioningMethod

ID = ("id", models.BigAutoField(primary_key=True))


def partitioned(name, method, key, *fields):
    return PostgresCreatePartitionedModel(
        name,
        fields=[ID, *fields],
        bases=(PostgresPartitionedModel,),
        options={"abstract": False},
        partitioning_options={"method": method, "key": [key]},
    )


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Item",
            [ID, ("name", models.CharField(max_length=20)), ("titles", HStoreField(null=True))],
            bases=(PostgresModel,),
        ),
        partitioned(
            "Event",
            PostgresPartitioningMethod.RANGE,
            "day",
            ("day", models.DateField()),
            ("text", models.CharField(max_length=20, null=True)),
            ("number", models.IntegerField(null=True)),
        ),
        PostgresAddRangePartition("Event", "old", from_values="2020-01-01", to_values="2024-01-01"),
        PostgresAddRangePartition("Event", "new", from_values="2024-01-01", to_values="2030-01-01"),
        PostgresAddDefaultPartition("Event", "rest"),
        partitioned("Sale", PostgresPartitioningMethod.LIST, "region", ("region", models.CharField(max_length=10))),
        PostgresAddListPartition("Sale", "north", values=["n", "nw"]),
        partitioned("Part", PostgresPartitioningMethod.HASH, "key", ("key", models.IntegerField())),
        PostgresAddHashPartition("Part", "even", modulus=2, remainder=0),
        PostgresAddHashPartition("Part", "odd", modulus=2, remainder=1),
    ]
