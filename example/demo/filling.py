"""Rows for the shop: as many orders as wanted, written by the server itself, and indexed once they are all there."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

CUSTOMERS_PER_ORDER = 50
STATEMENTS = [
    # The rows are consistent by construction; checking each foreign key would double the time.
    "SET session_replication_role = replica",
    "INSERT INTO shop_warehouse (city) SELECT 'City ' || g FROM generate_series(1, 5) g",
    "INSERT INTO shop_category (name) SELECT 'Category ' || g FROM generate_series(1, 20) g",
    """INSERT INTO shop_product (sku, name, price, category_id)
       SELECT 'S' || g, 'Product ' || g, g % 90, 1 + g % 20 FROM generate_series(1, 500) g""",
    "INSERT INTO shop_voucher (code, product_id) SELECT 'V' || g, g FROM generate_series(1, 100) g",
    """INSERT INTO shop_customer (name, email)
       SELECT 'Customer ' || g, 'c' || g || '@example.com' FROM generate_series(1, {customers}) g""",
    # One in fifty has no channel yet: a migration fills it in.
    """INSERT INTO shop_order (number, customer_id, status, channel, quantity, total, placed_at, legacy_code,
                               warehouse_id, voucher_id)
       SELECT 'N' || g, 1 + g % {customers}, (ARRAY['open', 'paid', 'sent', 'closed'])[1 + g % 4],
              CASE WHEN g % 50 > 0 THEN 'shop' END, 1 + g % 9, g % 1000,
              timestamptz '2026-01-01 00:00+00' + g * interval '1 second', 'L' || g, 1 + g % 5,
              CASE WHEN g % 10 = 0 THEN 1 + g % 100 END
       FROM generate_series(1, {rows}) g""",
    "RESET session_replication_role",
]

INDEXES = """
SELECT format('DROP INDEX %I', relname), pg_get_indexdef(oid) FROM pg_class JOIN pg_index ON indexrelid = oid
WHERE indrelid = 'shop_order'::regclass AND NOT indisunique
"""

AFTERWARDS = [
    # An autovacuum in the middle of the demo would be one more thing that waits and is waited for.
    "VACUUM ANALYZE",
]


def customers(rows: int) -> int:
    return max(rows // CUSTOMERS_PER_ORDER, 20)


def fill(connection: BaseDatabaseWrapper, rows: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        drop, create = [drop for drop, _ in indexes], [create for _, create in indexes]
        for statement in [*drop, *STATEMENTS, *create, *AFTERWARDS]:
            cursor.execute(statement.format(rows=rows, customers=customers(rows)))
