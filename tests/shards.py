"""A part of the parametrized tests: ``--shard 0/3`` runs every third parameter of each test, beginning with the first.

``.ci/run`` runs the tests once, and in its other cells a shard of them each, so that a parameter meets a second Django,
driver and server without all meeting all. Of the folders in ``MATRICES`` its first run has a shard as well, with
``--shard-matrices``: another one for each commit. Tests without parameters are in every shard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

#: Folders in which most tests are the parameters of a few, and each takes long.
MATRICES = ("tests/faults/", "tests/operations/", "tests/schemas/", "tests/security/")


def pytest_addoption(parser: pytest.Parser) -> None:
    part = {"metavar": "NUMBER/ALL", "type": shard}
    parser.addoption("--shard", help="a part of the parametrized tests, such as 0/3", **part)
    parser.addoption("--shard-matrices", help="a part of the ones in " + ", ".join(MATRICES), **part)


def shard(text: str) -> tuple[int, int]:
    """Read a shard's number, counted from 0, and how many there are."""
    number, _, among = text.partition("/")
    if not (number.isdigit() and among.isdigit() and int(number) < int(among)):
        raise ValueError(text)
    return int(number), int(among)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    names = [item.nodeid for item in items]
    kept = set(names)
    if chosen := config.getoption("--shard"):
        kept &= set(of_shard(names, *chosen))
    if chosen := config.getoption("--shard-matrices"):
        in_matrices = [name for name in names if name.startswith(MATRICES)]
        kept -= set(in_matrices) - set(of_shard(in_matrices, *chosen))
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
    items[:] = [item for item in items if item.nodeid in kept]


def of_shard(names: Iterable[str], number: int, among: int) -> list[str]:
    """Choose the tests of a shard by their names, as pytest prints them."""
    seen: Counter[str] = Counter()
    chosen = []
    for name in names:
        function, parameters, _ = name.partition("[")
        if not parameters or seen[function] % among == number:
            chosen.append(name)
        seen[function] += 1
    return chosen
