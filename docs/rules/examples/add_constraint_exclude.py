from django.db import migrations, models

# unsafe
from django.contrib.postgres.constraints import ExclusionConstraint

operations = [
    migrations.AddConstraint(
        "Order", ExclusionConstraint(name="order_number_once", expressions=[("number", "=")], index_type="spgist")
    ),
]

# safe: with the table
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators

operations = [
    migrations.CreateModel(
        "Booking",
        [("id", models.BigAutoField(primary_key=True)), ("during", DateTimeRangeField())],
        options={
            "constraints": [
                ExclusionConstraint(name="booking_one_at_a_time", expressions=[("during", RangeOperators.OVERLAPS)])
            ],
        },
    ),
]
