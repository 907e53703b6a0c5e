"""The output of sqlmigrate for a partitioned table, run by psql, has the effect of migrate."""

from __future__ import annotations

import pytest

from tests.backends.fixtures import Twins
from tests.operations.runs import psql

from .tables import begin
from .test_result import OPERATIONS, TO_PARTITIONED

CASES = OPERATIONS | TO_PARTITIONED
pytestmark = pytest.mark.filterwarnings("ignore::django_zero_downtime_migrations.errors.UnsafeOperationWarning")


@pytest.mark.parametrize("name", CASES)
def test_script_has_the_effect_of_the_migration(twins: Twins, name: str) -> None:
    begin(twins.ours)
    begin(twins.stock)
    psql(twins.ours.connection.settings_dict["NAME"], "\n".join(twins.ours.collected(*CASES[name])))
    twins.stock.migrate(*CASES[name])
    twins.compare()
