from django.db import migrations, models

# given: a model that nothing points to any more
operations = [
    migrations.CreateModel(
        "Coupon",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("customer", models.ForeignKey("shop.Customer", models.CASCADE)),
        ],
    ),
]

# unsafe
operations = [
    migrations.DeleteModel("Coupon"),
]

# safe: without the constraints of its foreign keys, since code that has forgotten it deletes customers
operations = [
    migrations.AlterField(
        "Coupon", "customer", models.ForeignKey("shop.Customer", models.CASCADE, db_constraint=False)
    ),
]

# then: let Django forget the model
operations = [
    migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Coupon")]),
]

# then: in the next release, when no process knows the model any more
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[
            migrations.CreateModel(
                "Coupon",
                [
                    ("id", models.BigAutoField(primary_key=True)),
                    ("customer", models.ForeignKey("shop.Customer", models.CASCADE, db_constraint=False)),
                ],
            )
        ]
    ),
    migrations.DeleteModel("Coupon"),
]
