from django.db import migrations

# unsafe
operations = [
    migrations.RenameModel("Customer", "Client"),
]

# safe: keep the table's name
operations = [
    migrations.AlterModelTable("Customer", "shop_customer"),
]

# then: rename the model
operations = [
    migrations.RenameModel("Customer", "Client"),
]
