"""The names that stay importable, and their meaning."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec

import pytest
from django.db.backends.postgresql import base, schema

import django_zero_downtime_migrations
from django_zero_downtime_migrations.backends.postgres import base as our_base
from django_zero_downtime_migrations.backends.postgres import schema as our_schema
from django_zero_downtime_migrations.backends.postgres.schema import Unsafe

PUBLIC = (
    "DatabaseSchemaEditor",
    "DatabaseSchemaEditorMixin",
    "Unsafe",
    "UnsafeOperationException",
    "UnsafeOperationWarning",
)
#: The names on which users of the ancestor rely.
TEXTS = {
    "ADD_COLUMN_NOT_NULL": "ADD COLUMN NOT NULL",
    "ADD_COLUMN_GENERATED_STORED": "ADD COLUMN GENERATED STORED",
    "ALTER_COLUMN_TYPE": "ALTER COLUMN TYPE",
    "ADD_CONSTRAINT_EXCLUDE": "ADD CONSTRAINT EXCLUDE",
    "ALTER_TABLE_RENAME": "ALTER TABLE RENAME",
    "ALTER_TABLE_SET_TABLESPACE": "ALTER TABLE SET TABLESPACE",
    "ALTER_TABLE_RENAME_COLUMN": "ALTER TABLE RENAME COLUMN",
}


def test_version_is_a_version() -> None:
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?\S*", django_zero_downtime_migrations.__version__)


@pytest.mark.parametrize("name", PUBLIC)
def test_schema_module_has_the_public_names(name: str) -> None:
    assert hasattr(our_schema, name)
    assert name in our_schema.__all__


def test_backend_is_djangos_own_with_another_editor() -> None:
    assert issubclass(our_base.DatabaseWrapper, base.DatabaseWrapper)
    assert our_base.DatabaseWrapper.SchemaEditorClass is our_schema.DatabaseSchemaEditor
    assert issubclass(our_schema.DatabaseSchemaEditor, schema.DatabaseSchemaEditor)
    assert issubclass(our_schema.DatabaseSchemaEditor, our_schema.DatabaseSchemaEditorMixin)


@pytest.mark.parametrize("module", ["base", "schema"])
def test_postgis_backend_has_its_modules(module: str) -> None:
    # Importing them needs GDAL; tests/gis does.
    assert find_spec(f"django_zero_downtime_migrations.backends.postgis.{module}")


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_a_finding_has_its_operation_in_the_first_line_and_where_its_page_is_after_it(name: str) -> None:
    first, rest = getattr(Unsafe, name).split("\n", 1)
    assert first == f"{TEXTS[name]} is unsafe operation"
    assert f"--explain {name}`" in rest


def test_texts_of_findings_are_different() -> None:
    texts = [value for name, value in vars(Unsafe).items() if name.isupper()]
    assert len(set(texts)) == len(texts)


def test_warning_and_exception_can_be_made_from_a_text_alone() -> None:
    assert issubclass(our_schema.UnsafeOperationWarning, Warning)
    for kind in (our_schema.UnsafeOperationWarning, our_schema.UnsafeOperationException):
        made = kind(Unsafe.ALTER_COLUMN_TYPE)
        assert str(made) == Unsafe.ALTER_COLUMN_TYPE
        assert made.finding is None


def test_every_template_is_still_a_string() -> None:
    for name in dir(schema.DatabaseSchemaEditor):
        if name.startswith("sql_") and isinstance(getattr(schema.DatabaseSchemaEditor, name), str):
            ours = getattr(our_schema.DatabaseSchemaEditor, name)
            assert isinstance(ours, str)
            assert ours == getattr(schema.DatabaseSchemaEditor, name)
            assert f"{ours}" == ours


def test_operations_of_ours_can_be_imported() -> None:
    assert import_module("django_zero_downtime_migrations.operations").SafetyAssured
