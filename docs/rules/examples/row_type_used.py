from django.db import migrations, models

# given: ONLINE_TYPE_CHANGES is on, and a trigger copies the rows of orders
settings = {"ONLINE_TYPE_CHANGES": True}
statements = [
    "CREATE TABLE order_history (LIKE shop_order)",
    "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN INSERT INTO order_history SELECT OLD.*; RETURN OLD; END'",
    "CREATE TRIGGER kept AFTER DELETE ON shop_order FOR EACH ROW EXECUTE FUNCTION keep()",
]

# unsafe
operations = [
    migrations.AlterField("Order", "total", models.BigIntegerField()),
]

# safe: a change that the catalogue alone takes leaves the column where it is
operations = [
    migrations.AlterField("Order", "note", models.TextField(default="")),
]
