"""The features of this backend that Django asks for."""

from __future__ import annotations

import sys
from typing import Any

from django.db.backends.postgresql.features import DatabaseFeatures as PostgresFeatures
from django.utils.functional import cached_property

from ...django_types import Field, Model
from .operations import expands

SKIPS = {
    "An atomic migration is not one transaction here, so CONCURRENTLY does not ask for atomic=False.": {
        "postgres_tests.test_operations.AddIndexConcurrentlyTests.test_requires_atomic_false",
        "postgres_tests.test_operations.RemoveIndexConcurrentlyTests.test_requires_atomic_false",
    },
    "can_rollback_ddl follows the connection: inside a transaction it is never False.": {
        "schema.tests.SchemaTests.test_unsupported_transactional_ddl_disallowed",
    },
    "sqlmigrate puts BEGIN and COMMIT around the statements that run in one transaction, not around the migration.": {
        "migrations.test_commands.MigrateTests.test_sqlmigrate_forwards",
    },
    "It counts queries, and an index that is renamed is asked for its schema before: a namesake may come first.": {
        "migrations.test_operations.OperationTests.test_rename_index",
    },
}
SKIPS_WITH_TIMEOUTS = {
    "A short step sends its timeouts before its statement, in one query string.": {
        "schema.tests.SchemaTests.test_inline_fk_db_on_delete",
    },
}


#: Types whose values cannot be grouped.
WITHOUT_EQUALITY = frozenset({"box", "circle", "json", "line", "lseg", "path", "point", "polygon", "xml"})


class _InsideTransaction:
    """A flag that is true exactly when DDL could be rolled back: inside the caller's transaction. It is not a data
    descriptor, so that it can be overridden.
    """

    def __get__(self, features: Any, owner: type | None = None) -> Any:
        return True if features is None else bool(features.connection.in_atomic_block)


class FeaturesMixin:
    """The flags that a migration in separate steps needs. This class precedes any PostgreSQL features class."""

    # An editor that Django believes transactional would open one transaction for the whole migration.
    can_rollback_ddl: Any = _InsideTransaction()
    # One action in each ALTER TABLE tells SET NOT NULL from TYPE without parsing.
    supports_combined_alters = False
    connection: Any

    def allows_group_by_selected_pks_on_model(self, model: Model) -> bool:
        """Return whether GROUP BY may name the primary key alone.

        With EXPAND_CONTRACT a view may have the name of the table, and the server knows no key of a view: Django then
        names every column, which makes the same plan of a table.
        """
        parent: Any = super()
        if not parent.allows_group_by_selected_pks_on_model(model):
            return False
        return not expands(self.connection) or any(map(self._has_no_equality, model._meta.concrete_fields))

    def _has_no_equality(self, field: Field) -> bool:
        """Return whether the server cannot group by a column."""
        kind = field.db_type(self.connection) or ""
        return kind.partition("(")[0] in WITHOUT_EQUALITY


def _exists(test: str) -> bool:
    """Return whether this Django has the test: an unknown name stops its test runner."""
    module, _, name = test.rpartition(".")
    module, _, case = module.rpartition(".")
    loaded = sys.modules.get(module)
    return loaded is None or hasattr(getattr(loaded, case, None), name)


class DatabaseFeatures(FeaturesMixin, PostgresFeatures):
    @cached_property
    def django_test_skips(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Tests of Django's own suites that assume one transaction around a migration, each with its reason."""
        # Imported here: Django's own tests ask for it, and nothing else does.
        from ...settings import MigrationSettings

        skips: dict[str, set[str]] = dict(super().django_test_skips)
        settings = MigrationSettings.load(self.connection.alias)
        timed = settings.lock_timeout is not None or settings.statement_timeout is not None
        ours = SKIPS | (SKIPS_WITH_TIMEOUTS if timed else {})
        return skips | {reason: {test for test in tests if _exists(test)} for reason, tests in ours.items()}
