"""A run leaves tests out, and the other runs have them."""

from __future__ import annotations

import pytest

from tests.selection import SAMPLE, part, rest, sample

NAMES = ["a.py::test_plain", *(f"a.py::test_many[{n}]" for n in range(9)), "a.py::test_one[x]", "b.py::test_many[0]"]
SLOW = ["a.py::test_one[x]", "a.py::test_plain"]


def test_of_many_parameters_a_sample_has_a_few_that_lie_apart() -> None:
    assert SAMPLE == 2
    many = {f"a.py::test_many[{n}]" for n in (0, 4)}
    assert sample(NAMES, []) == {"a.py::test_plain", "a.py::test_one[x]", "b.py::test_many[0]"} | many


def test_where_no_server_is_asked_a_sample_has_all_parameters() -> None:
    quick = [name.replace("a.py", "tests/unit/a.py") for name in NAMES]
    assert sample(quick, []) == set(quick)


def test_a_sample_leaves_out_what_is_slow() -> None:
    assert sample(NAMES, SLOW).isdisjoint(SLOW)


def test_a_sample_begins_where_it_is_told() -> None:
    of_many = [name for name in NAMES if name.startswith("a.py::test_many")]
    assert sample(of_many, [], first=7) == {"a.py::test_many[7]", "a.py::test_many[2]"}
    assert set().union(*(sample(of_many, [], first) for first in range(9))) == set(of_many)


@pytest.mark.parametrize("among", [1, 2, 4])
def test_a_sample_and_the_parts_of_the_rest_are_all(among: int) -> None:
    quick = sample(NAMES, SLOW)
    parts = [rest(NAMES, quick, number, among) for number in range(among)]
    assert quick.union(*parts) == set(NAMES)
    assert all(quick.isdisjoint(each) for each in parts)


def test_of_slow_tests_without_parameters_every_second_part_has_the_same() -> None:
    slow = [f"a.py::test_slow_{n}" for n in range(5)]
    parts = [rest(slow, (), number, 4) for number in range(4)]
    assert parts[0] == parts[2] == set(slow[::2])
    assert parts[1] == parts[3] == set(slow[1::2])


@pytest.mark.parametrize("text", ["3/3", "1", "a/b", "1/0", "-1/3"])
def test_what_is_not_a_part_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + text):
        part(text)
