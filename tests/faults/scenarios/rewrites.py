"""One migration for each rewrite: cases of tests/operations."""

from __future__ import annotations

from tests.operations.cases import CASES

from .scenario import back, of_case

NAMES = (
    "add_field/null",
    "add_field/not_null_with_default",
    "add_field/one_off_default",
    "add_field/unique_char",
    "add_field/positive_integer_unique",
    "add_field/foreign_key_with_default",
    "add_field/one_to_one",
    "add_field/many_to_many",
    "add_field/primary_key_instead_of_another",
    "alter_field/null_to_not_null",
    "alter_field/null_to_not_null_with_default",
    "alter_field/null_to_not_null_and_type",
    "alter_field/not_null_to_null",
    "alter_field/varchar_to_text_indexed",
    "alter_field/integer_to_bigint_unique",
    "alter_field/integer_to_positive",
    "alter_field/comment_and_unique",
    "alter_field/unique_to_index_char",
    "alter_field/index_to_unique_char",
    "alter_field/foreign_key_to_one_to_one",
    "alter_field/one_to_one_to_foreign_key",
    "alter_field/foreign_key_to_another_table",
    "alter_field/integer_to_foreign_key_renamed",
    "alter_field/auto_to_big_auto_referenced",
    "alter_field/serial_to_big_auto",
    "alter_field/serial_to_integer",
    "alter_field/plain_to_primary_key",
    "add_constraint/check",
    "add_constraint/unique_condition",
    "add_constraint/unique_deferrable",
    "add_constraint/exclusion",
    "add_constraint_not_valid/and_validate",
    "remove_constraint/unique",
    "add_index/plain",
    "add_index_concurrently/partial",
    "remove_index/plain",
    "rename_index/plain",
    "replace_index/same_name",
    "alter_unique_together/change",
    "remove_field/foreign_key",
    "remove_field/in_unique_together",
    "rename_field/positive",
    "rename_model/many_to_many",
    "create_model/foreign_key_to_a_table_in_use",
    "create_model/circle",
    "delete_model/both_sides",
    "alter_model_table/many_to_many",
    "alter_model_table_comment/change",
)
BACK = (
    "add_field/unique_char",
    "alter_field/null_to_not_null_with_default",
    "alter_field/foreign_key_to_one_to_one",
    "alter_field/integer_to_foreign_key_renamed",
    "add_constraint/check",
    "alter_unique_together/change",
    "remove_field/foreign_key",
    "rename_model/many_to_many",
    "delete_model/both_sides",
    "alter_field/null_to_not_null_and_delete",
)
_CASES = {case.name: case for case in CASES}
# Some need a Django that has the feature.
SCENARIOS = [of_case(_CASES[name]) for name in NAMES if name in _CASES]
SCENARIOS += [back(of_case(_CASES[name])) for name in BACK if name in _CASES]
