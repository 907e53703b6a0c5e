"""The features of the Django and the server under test: only this module asks for a version of either."""

from __future__ import annotations

import inspect
from contextlib import closing

from django.db import models
from django.db.backends.postgresql.features import DatabaseFeatures
from django.db.migrations import operations
from django.db.models.options import DEFAULT_NAMES

from tests import databases


def _server() -> int:
    with closing(databases.open_session()) as session, session.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0]) // 10000


SERVER = _server()

db_default = hasattr(models.Field(), "db_default")
generated = hasattr(models, "GeneratedField")
composite_pk = hasattr(models, "CompositePrimaryKey")
alter_constraint = hasattr(operations, "AlterConstraint")
db_on_delete = hasattr(models, "DB_CASCADE")
check_condition = "condition" in inspect.signature(models.CheckConstraint.__init__).parameters
nulls_distinct = "nulls_distinct" in inspect.signature(models.UniqueConstraint.__init__).parameters and SERVER >= 15
virtual_generated = generated and SERVER >= 18 and hasattr(DatabaseFeatures, "supports_virtual_generated_columns")
#: Indexes over several columns that stand in Meta.index_together.
index_together = "index_together" in DEFAULT_NAMES
