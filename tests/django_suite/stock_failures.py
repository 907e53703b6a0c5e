"""Tests that fail with the stock engine as well, where a Django is run on a server that is younger than itself."""

from __future__ import annotations

# PostgreSQL 18 keeps NOT NULL in pg_constraint; Django before 6.1 takes these entries for constraints of its own kinds,
# and these tests compare the whole list. On PostgreSQL 17 and below the same tests count like all others.
NOT_NULL_CONSTRAINTS_LISTED = frozenset(
    {
        "introspection.tests.IntrospectionTests.test_get_constraints",
        "postgres_tests.test_operations.AddIndexConcurrentlyTests.test_add_other_index_type",
        "postgres_tests.test_operations.AddIndexConcurrentlyTests.test_add_with_options",
        "schema.tests.SchemaTests.test_add_indexed_charfield",
        "schema.tests.SchemaTests.test_add_unique_charfield",
        "schema.tests.SchemaTests.test_alter_field_add_db_index_to_charfield_with_unique",
        "schema.tests.SchemaTests.test_alter_field_add_index_to_charfield",
        "schema.tests.SchemaTests.test_alter_field_add_index_to_textfield",
        "schema.tests.SchemaTests.test_alter_field_add_unique_to_charfield",
        "schema.tests.SchemaTests.test_alter_field_add_unique_to_charfield_with_db_index",
        "schema.tests.SchemaTests.test_alter_field_remove_unique_and_db_index_from_charfield",
        "schema.tests.SchemaTests.test_alter_field_swap_unique_and_db_index_with_charfield",
        "schema.tests.SchemaTests.test_indexed_charfield_to_textfield",
    }
)


def known(django: tuple[int, ...], server: int) -> frozenset[str]:
    """The ids of the tests that fail with any engine.

    :param server: the version as the driver gives it, such as 180004.
    """
    return NOT_NULL_CONSTRAINTS_LISTED if server >= 180000 and django < (6, 1) else frozenset()
