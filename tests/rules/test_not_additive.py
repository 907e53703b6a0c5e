from __future__ import annotations

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.operations import SafetyAssured
from tests.commands.judged import check, codes

from .verbs import assert_checked, assert_passes

NULLABLE = models.IntegerField(null=True)
ADDITIVE = {
    "a model": migrations.CreateModel("shelf", [("id", models.BigAutoField(primary_key=True))]),
    "a field without a default": migrations.AddField("book", "rank", NULLABLE),
    "options": migrations.AlterModelOptions("book", {"ordering": ["title"]}),
    "state alone": migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("book", "pages")]),
    "what the database does not see": migrations.AlterField(
        "book", "pages", models.IntegerField(null=True, blank=True)
    ),
}
OTHER = {
    "a field with a default": migrations.AddField("book", "rank", models.IntegerField(null=True, default=1)),
    "an index": migrations.AddIndex("book", models.Index(fields=["title"], name="by_title")),
    "a longer column": migrations.AlterField("book", "title", models.CharField(max_length=30)),
    "Python": migrations.RunPython(migrations.RunPython.noop),
    "SQL": migrations.RunSQL("SELECT 1"),
    "inside of another": migrations.SeparateDatabaseAndState([migrations.RemoveField("book", "pages")]),
}


@pytest.mark.parametrize("name", ADDITIVE)
def test_additive_operation_passes(books, name):
    assert_passes(books, [ADDITIVE[name]], strict=True)


@pytest.mark.parametrize("name", OTHER)
def test_anything_else_is_refused(books, name):
    report = check(books, [OTHER[name]], strict=True)
    assert [x.severity.value for x in report.entries if x.finding.code == "NOT_ADDITIVE"] == ["refuse"]
    assert "NOT_ADDITIVE" not in codes(check(books, [OTHER[name]]))


def test_operation_that_nothing_else_is_against(books):
    assert_checked(books, "NOT_ADDITIVE", [OTHER["an index"]], names=("AddIndex", "by_title"), strict=True)


def test_accepted_operation_does_not_count(books):
    assured = SafetyAssured([OTHER["an index"]], reason="nobody reads it")
    (entry,) = check(books, [assured], strict=True).entries
    assert (entry.finding.assured, entry.counts) == ("nobody reads it", False)
