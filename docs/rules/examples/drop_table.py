from django.db import migrations, models

# given: a model that nothing points to any more
operations = [
    migrations.CreateModel("Coupon", [("id", models.BigAutoField(primary_key=True))]),
]

# unsafe
operations = [
    migrations.DeleteModel("Coupon"),
]

# safe: let Django forget the model
operations = [
    migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Coupon")]),
]

# then: in the next release, when no process knows the model any more
operations = [
    migrations.SeparateDatabaseAndState(
        state_operations=[migrations.CreateModel("Coupon", [("id", models.BigAutoField(primary_key=True))])]
    ),
    migrations.DeleteModel("Coupon"),
]
