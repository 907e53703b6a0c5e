from __future__ import annotations

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.errors import CannotMigrate
from tests.commands.judged import check, codes

from .verbs import assert_passes

ADDED = migrations.AddField("book", "rank", models.IntegerField(null=True))
REMOVED = migrations.RemoveField("book", "pages")


def test_column_that_a_view_reads(books):
    books.run("CREATE VIEW readers AS SELECT pages FROM shop_book")
    report = check(books, [REMOVED, ADDED])
    assert (codes(report)) == ["CANNOT_MIGRATE"]
    assert "view readers depends on it" in report.entries[0].finding.message
    with pytest.raises(CannotMigrate):
        books.migrate(REMOVED)


def test_column_that_nothing_reads(books):
    books.migrate(migrations.SeparateDatabaseAndState(state_operations=[REMOVED]))
    assert_passes(books, [ADDED])
