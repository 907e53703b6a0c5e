from __future__ import annotations

import sys
from functools import partial

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.operations import SafetyAssured
from tests.commands.judged import check, codes

from .verbs import assert_checked, assert_passes


class Shelf(models.Model):
    """A model of a project, as its code has it today."""

    class Meta:
        app_label = "run_python_models"


this = sys.modules[__name__]


def uses_a_global(apps, schema_editor):
    Shelf.objects.using(schema_editor.connection.alias)


def uses_a_module(apps, schema_editor):
    this.Shelf.objects.using(schema_editor.connection.alias)


def imports_it(apps, schema_editor):
    from tests.rules.test_run_python_models import Shelf

    Shelf.objects.using(schema_editor.connection.alias)


def helper(alias):
    return [Shelf.objects.using(alias) for _ in range(1)]


def has_it_done(apps, schema_editor):
    helper(schema_editor.connection.alias)


def with_argument(number, apps, schema_editor):
    helper(schema_editor.connection.alias)


def asks_apps(apps, schema_editor):
    """Shelf is only spoken of."""
    apps.get_model("shop", "Book").objects.using(schema_editor.connection.alias)


def run(code):
    return migrations.RunPython(code, migrations.RunPython.noop)


FUNCTIONS = {
    "global": uses_a_global,
    "module": uses_a_module,
    "imported inside": imports_it,
    "in a helper": has_it_done,
    "partial": partial(with_argument, 1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_model_that_is_imported(books, name):
    assert_checked(
        books, "RUN_PYTHON_MODELS", [run(FUNCTIONS[name])], names=("tests.rules.test_run_python_models.Shelf",)
    )


def test_model_of_its_own_moment(books):
    assert_passes(books, [run(asks_apps)])


def test_accepted(books):
    (entry,) = check(books, [SafetyAssured([run(uses_a_global)], reason="a table that nobody changes")]).entries
    assert (entry.finding.code, entry.finding.assured) == ("RUN_PYTHON_MODELS", "a table that nobody changes")


def test_what_cannot_be_read(books):
    """A method of C has no names."""
    assert codes(check(books, [run(print)])) == []
