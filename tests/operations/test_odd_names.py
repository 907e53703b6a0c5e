"""Every operation with names that need quotes has stock Django's result, there and back."""

from __future__ import annotations

import pytest

from .case import Case
from .cases import CASES
from .odd_names import odd_cases
from .runs import Runs
from .test_operations import assert_same

pytestmark = pytest.mark.filterwarnings("ignore:'index_together' is deprecated")


@pytest.fixture(scope="module", params=list(odd_cases(CASES)), ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    made: Case = request.param
    return made


def test_result_is_that_of_stock(runs: Runs) -> None:
    expected = runs.stock()[0]
    assert_same(runs.ours()[0][0], expected, dumps=True)


def test_taken_back_it_is_as_with_stock(runs: Runs) -> None:
    if runs.case.reversible:
        expected = runs.stock()[1]
        assert_same(runs.ours()[1][0], expected)
