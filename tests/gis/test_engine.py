"""Our editor over PostGIS's own; runs if TEST_ENGINE is the PostGIS one (the tox environment postgis)."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.gis.db.models import PointField
from django.db import migrations, models
from django.db.migrations.state import ProjectState

CREATE = migrations.CreateModel("Shop", fields=[("id", models.BigAutoField(primary_key=True))])
ADD = migrations.AddField("shop", "place", PointField(null=True))
OPERATIONS = {
    "create": [
        migrations.CreateModel("Shop", fields=[("id", models.BigAutoField(primary_key=True)), ("place", PointField())])
    ],
    "add": [CREATE, ADD],
    "add, then remove": [CREATE, ADD, migrations.RemoveField("shop", "place")],
    "add, then rename": [CREATE, ADD, migrations.RenameField("shop", "place", "location")],
    "add, then not null": [CREATE, ADD, migrations.AlterField("shop", "place", PointField())],
}


def run(connection, operations):
    connection.prepare_database()
    state = ProjectState()
    for operation in operations:
        after = state.clone()
        operation.state_forwards("gis", after)
        # There is an editor for each: the table that the first one makes is not new for those that follow.
        with connection.schema_editor() as editor:
            operation.database_forwards("gis", editor, state, after)
        state = after


@pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")
@pytest.mark.parametrize("operations", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_schema_equals_that_of_stock_django(database, stock_database, dump, operations):
    run(database, operations)
    run(stock_database, operations)
    assert stock_database.settings_dict["ENGINE"] == settings.STOCK_ENGINE
    assert dump(database) == dump(stock_database)
