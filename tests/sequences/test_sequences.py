"""Random chains of operations on tables in use give the schema and rows that stock Django gives, or the same error."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.writer import MigrationWriter
from hypothesis import HealthCheck, event, given, note, reject, settings
from hypothesis.strategies import booleans

from tests import databases
from tests.operations.case import APP, Case
from tests.operations.runs import Runs, connected, runs_of

from .strategies import Chain, chains
from .writers import writing

pytestmark = pytest.mark.slow

#: Without it, a hundred that are the same every time.
EXAMPLES = int(os.environ.get("SEQUENCES", "100"))


def written(chain: Chain) -> str:
    """The migrations as files."""
    texts = []
    for number, operations in enumerate([chain.before, *chain.then], 1):
        body = {"operations": operations, "dependencies": []}
        migration = type("Migration", (migrations.Migration,), body)(f"{number:04}", APP)
        texts.append(f"# {number:04}.py\n{MigrationWriter(migration).as_string()}")
    return "\n".join(texts)


def nulls(chain: Chain) -> Iterator[str]:
    """Set some of the values that rows may lack to NULL."""
    state = Case("chain", chain.before, []).state()
    for model in state.apps.get_models():
        for field in model._meta.local_concrete_fields:
            if field.null:
                yield f'UPDATE "{model._meta.db_table}" SET "{field.column}" = NULL WHERE id % 7 = 0'


@contextmanager
def tables_of(case: Case) -> Iterator[Runs]:
    """The tables that are there before.

    What stock Django cannot make is not an example: two names that are cut to one, rows of a table with ``%`` in its
    name.
    """
    with ExitStack() as cleanup:
        try:
            runs = cleanup.enter_context(runs_of(case))
        except Exception:
            reject()
        yield runs


class Walk:
    """A walk through all migrations on one database, until one fails; then back through all of them."""

    def __init__(self, chain: Chain, runs: Runs, connection: BaseDatabaseWrapper) -> None:
        self.runs = runs
        self.connection = connection
        self.seen: list[tuple[str, Any]] = []
        state = Case("chain", chain.before, []).state()
        done = []
        for number, operations in enumerate(chain.then, 2):
            migration = migrations.Migration(f"{number:04}", APP)
            migration.operations = operations
            before = state.clone()
            if not self.step(self.apply, migration, state):
                return
            done.append((migration, before))
        for migration, before in reversed(done):
            if not self.step(self.unapply, migration, before):
                return

    def apply(self, migration: Any, state: Any) -> None:
        state.apps  # noqa: B018  (rendered, as the executor has it)
        with self.connection.schema_editor(atomic=True) as editor:
            migration.apply(state, editor)

    def unapply(self, migration: Any, before: Any) -> None:
        with self.connection.schema_editor(atomic=True) as editor:
            migration.unapply(before, editor)

    def step(self, work: Callable[[Any, Any], None], migration: Any, state: Any) -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                work(migration, state)
        except Exception as error:
            self.seen.append(("error", type(error).__name__))
            self.error = error
            return False
        outcome = self.runs.outcome(self.connection)
        self.seen.append(("done", outcome.description + outcome.rows))
        return True


#: Stock Django drops an index whose name the server cuts to the table's name, and fails; ours drops none.
OF_THE_TABLE = "is not an index"


def difference(stock: Walk, ours: Walk) -> str:
    for number, ((result, theirs), (our_result, mine)) in enumerate(zip(stock.seen, ours.seen, strict=False), 1):
        if result == "error" and OF_THE_TABLE in str(stock.error):
            return ""
        if result != our_result:
            failed = stock if result == "error" else ours
            return f"step {number}: stock {result}, ours {our_result}: {failed.error!r}"
        if theirs != mine and result == "error":
            return f"step {number}: stock {stock.error!r}, ours {ours.error!r}"
        if theirs != mine:
            lines = difflib.unified_diff(theirs, mine, "stock", "ours", n=1, lineterm="")
            return "\n".join([f"step {number}:", *lines])
    return "" if len(stock.seen) == len(ours.seen) else "not as many steps"


@settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    derandomize="SEQUENCES" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(chain=chains(), busy=booleans(), online=booleans())
def test_chain_of_operations(chain: Chain, busy: bool, online: bool, django_db_blocker: Any) -> None:
    """Run a chain on both, and compare.

    :param busy: clients write meanwhile.
    :param online: with ONLINE_TYPE_CHANGES.
    """
    note(f"{written(chain)}\n# busy: {busy}, online: {online}")
    case = Case("chain", chain.before, [], data=tuple(nulls(chain)), moves_column=online)
    ours = chain.in_quotes() if chain.quoted else chain
    with django_db_blocker.unblock(), tables_of(case) as runs:
        walks = []
        for engine, each in ((django_settings.STOCK_ENGINE, chain), (django_settings.ENGINE, ours)):
            is_written = busy and engine == django_settings.ENGINE
            with (
                databases.fresh_database(runs.template) as name,
                connected(engine, name, ONLINE_TYPE_CHANGES=online) as connection,
                writing(name) if is_written else nullcontext(),
            ):
                walks.append(Walk(each, runs, connection))
        found = difference(*walks)
    event("all applied and taken back" if walks[0].seen[-1][0] == "done" else "stock Django fails")
    if found:
        pytest.fail(found)
