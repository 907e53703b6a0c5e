"""Histories of random operations whose runs are cut short at random points, again and again, until one is not."""

from __future__ import annotations

import base64
import itertools
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, assume, event, given, note, reject, settings
from hypothesis import strategies as st

from tests.sequences.strategies import Chain, chains

from .copies import copy_of, outcome
from .points import HOW
from .project import Faults, Run
from .recovery import difference
from .scenarios.scenario import More, Scenario, scenario
from .templates import template

pytestmark = pytest.mark.slow

#: HISTORIES=200: this many, other ones each time. Without it, a few that are the same every time.
EXAMPLES = int(os.environ.get("HISTORIES", "3"))
#: How often a run is cut short at most.
STOPS = 3
numbers = itertools.count(1)


def of_chain(chain: Chain) -> Scenario:
    more = (More(f"{number:04}_more", operations) for number, operations in enumerate(chain.then[1:], 3))
    return scenario(f"history/{next(numbers)}", chain.before, *chain.then[0], more=tuple(more))


def migrate(faults: Faults, history: Scenario, database: str, *arguments: str, **fault: object) -> Run:
    """The project's process does not know a history by its name."""
    pickled = base64.b64encode(pickle.dumps(history)).decode()
    return faults.migrate(database, *(arguments or history.arguments), pickled=pickled, **fault)


@contextmanager
def before_it(history: Scenario, faults: Faults, run: Callable[..., Run]) -> Iterator[str]:
    """A history that stock Django cannot make, such as rows of a table with ``%`` in its name, is not an example."""
    with ExitStack() as cleanup:
        try:
            made = cleanup.enter_context(template(history, faults, run))
        except Exception:
            reject()
        yield made


@settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    # A smaller history has other points, so shrinking would find another failure.
    phases=[Phase.generate],
    derandomize="HISTORIES" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(chain=chains(), data=st.data())
def test_history_with_random_faults(chain: Chain, data: st.DataObject, faults: Faults) -> None:
    history = of_chain(chain)
    run = partial(migrate, faults, history)
    with before_it(history, faults, run) as before:
        with copy_of(before) as whole:
            uninterrupted = run(whole)
            # Stock Django refuses this as well: for instance a unique constraint that the rows violate.
            assume(uninterrupted.status == 0)
            expected = outcome(whole)
        with copy_of(before) as name:
            stops = 0
            for _ in range(STOPS):
                at = data.draw(st.integers(1, len(uninterrupted.sent)))
                when = data.draw(st.sampled_from(["before", "during", "after"]))
                cut = run(name, at=at, when=when, how=data.draw(st.sampled_from(HOW)))
                note(f"{cut.happened} {uninterrupted.sent[at - 1][:200]}\n{cut.said[-1500:]}")
                stops += cut.happened
            again = run(name)
            assert again.status == 0, again.said
            assert not again.left, again.left
            found = outcome(name)
    event(f"cut short {stops} times")
    assert found == expected, f"{difference(expected, found)}\n{again.said}"
