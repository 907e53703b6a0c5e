"""SET NOT NULL after a proof reads no row, if the proof is dropped by a statement of its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from django_zero_downtime_migrations.locks import LockMode
from tests.backends.fixtures import Twins
from tests.backends.sessions import run

from .seen import blocking_work, scans, strongest

PROOF = "ALTER TABLE thing ADD CONSTRAINT proof CHECK (number IS NOT NULL)"
SET = "ALTER TABLE thing ALTER COLUMN number SET NOT NULL"
#: The statements after the proof, and how often they read the table.
SCANS = {
    "with the proof": (SET, 0),
    "and the proof dropped after it": (f"{SET}; ALTER TABLE thing DROP CONSTRAINT proof", 0),
    "and the proof dropped in the same statement": (f"{SET}, DROP CONSTRAINT proof", 1),
    "without the proof": (f"ALTER TABLE thing DROP CONSTRAINT proof; {SET}", 1),
}
NOTE = migrations.CreateModel(
    "note", [("id", models.BigAutoField(primary_key=True)), ("number", models.IntegerField(null=True))]
)
NOT_NULL = migrations.AlterField("note", "number", models.IntegerField())


@pytest.fixture
def session(open_session: Any) -> Any:
    session = open_session()
    run(session, "CREATE TABLE thing (number integer); INSERT INTO thing SELECT generate_series(1, 100)")
    session.commit()
    return session


@pytest.mark.parametrize(("sql", "times"), SCANS.values(), ids=SCANS)
def test_scans_of_the_server(session: Any, sql: str, times: int) -> None:
    run(session, PROOF)
    session.commit()
    assert scans(session, "thing", sql) == times
    assert strongest(session, "thing") is LockMode.ACCESS_EXCLUSIVE


def test_the_proof_is_validated_while_writers_go_on(session: Any, other_session: Any) -> None:
    run(session, f"{PROOF} NOT VALID")
    session.commit()
    assert scans(session, "thing", "ALTER TABLE thing VALIDATE CONSTRAINT proof") == 1
    run(other_session, "SET lock_timeout = '10ms'; INSERT INTO thing VALUES (101)")


def test_no_step_that_blocks_reads_and_the_result_is_that_of_stock_django(twins: Twins, watch: Any) -> None:
    for shop in (twins.ours, twins.stock):
        shop.migrate(NOTE)
        shop.run("INSERT INTO shop_note (number) SELECT generate_series(1, 100)")
    observation = watch(NOT_NULL)
    assert blocking_work(observation) == []
    twins.stock.migrate(NOT_NULL)
    twins.compare()


def test_a_column_that_is_not_null_already_gets_no_step(twins: Twins, watch: Any) -> None:
    twins.ours.migrate(NOTE)
    twins.ours.run("ALTER TABLE shop_note ALTER COLUMN number SET NOT NULL")
    assert watch(NOT_NULL).steps == []
