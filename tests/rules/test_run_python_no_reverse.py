from __future__ import annotations

import pytest
from django.db import migrations
from django.db.migrations.exceptions import IrreversibleError

from .verbs import assert_checked, assert_passes


def count(apps, schema_editor):
    apps.get_model("shop", "Book").objects.using(schema_editor.connection.alias).count()


def test_code_that_cannot_be_taken_back(books):
    once = migrations.RunPython(count)
    assert_checked(books, "RUN_PYTHON_NO_REVERSE", [once], names=("count", "shop."))
    with pytest.raises((IrreversibleError, NotImplementedError)):
        once.database_backwards("shop", None, None, None)


def test_code_with_its_reverse(books):
    assert_passes(books, [migrations.RunPython(count, migrations.RunPython.noop)])
