"""Shards of the tests: together they are all, and each test without parameters is in each of them."""

from __future__ import annotations

import pytest

from tests.shards import of_shard, shard

NAMES = ["a.py::test_plain", *(f"a.py::test_many[{n}]" for n in range(7)), "a.py::test_one[x]", "b.py::test_many[0]"]


def test_together_they_are_all() -> None:
    shards = [of_shard(NAMES, number, 3) for number in range(3)]
    assert {name for names in shards for name in names} == set(NAMES)


def test_a_parameter_is_in_one_of_them() -> None:
    shards = [of_shard(NAMES, number, 3) for number in range(3)]
    for name in NAMES:
        assert sum(name in names for names in shards) == (3 if "[" not in name else 1), name


@pytest.mark.parametrize("text", ["3/3", "1", "a/b", "1/0", "-1/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + text):
        shard(text)
