from django.db import migrations, models

# unsafe: an index
operations = [
    migrations.RunSQL("CREATE INDEX order_quantity ON shop_order (quantity)", "DROP INDEX order_quantity"),
]

# unsafe: rows
operations = [
    migrations.RunSQL("UPDATE shop_order SET total = total * 100", migrations.RunSQL.noop),
]

# safe: Django's operation, which this backend sends as CREATE INDEX CONCURRENTLY
operations = [
    migrations.AddIndex("Order", models.Index(fields=["quantity"], name="order_quantity")),
]

# safe: SQL that does not block; the migration has `atomic = False`
operations = [
    migrations.RunSQL(
        "CREATE INDEX CONCURRENTLY order_quantity ON shop_order (quantity)",
        "DROP INDEX CONCURRENTLY order_quantity",
    ),
]

# safe: a constraint in two steps
operations = [
    migrations.RunSQL(
        [
            "SET LOCAL lock_timeout = '2s'",
            "ALTER TABLE shop_order ADD CONSTRAINT total_positive CHECK (total > 0) NOT VALID",
        ],
        "ALTER TABLE shop_order DROP CONSTRAINT total_positive",
    ),
]

# then: the proof, while everybody goes on working
operations = [
    migrations.RunSQL("ALTER TABLE shop_order VALIDATE CONSTRAINT total_positive", migrations.RunSQL.noop),
]
