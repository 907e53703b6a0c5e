"""The choice of the tests that run: without paths or options a sample of each, in minutes; the rest by an option.

A run without paths, which is the test command of the README, leaves out the tests that are marked ``slow`` and, where a
test has many parameters, all but a few that lie far apart. ``--whole`` leaves out nothing; nor does a run of the paths
that it is given. ``--rest 0/4`` runs half of the slow tests, and of the parameters that a sample leaves out each
fourth: ``.ci/run`` runs another part for each commit. In the cells of its matrix ``--slow`` adds the slow tests to a
sample, and ``--sample-from 1`` begins with another parameter, so that not all cells have the same ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

import pytest

#: The parameters of a test in a sample.
SAMPLE = 2
#: The folders whose tests ask a server little: there a sample has all parameters.
QUICK = ("tests/unit/", "tests/contract/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="every test with every parameter, also without a path")
    parser.addoption("--sample-from", metavar="NUMBER", type=int, default=0, help="the first parameter of a sample")
    parser.addoption("--rest", metavar="NUMBER/ALL", type=part, help="a part of what a sample leaves out, such as 0/4")
    parser.addoption("--sampled", action="store_true", help="a sample of each test, also with a path")
    parser.addoption("--slow", action="store_true", help="the slow tests as well, with a sample of their parameters")


def pytest_configure(config: pytest.Config) -> None:
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        # The workers of pytest-xdist get this with the other options; they have the paths as arguments.
        config.option.sampled = config.option.sampled or not config.option.whole


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not (config.option.sampled or config.option.rest):
        return
    names = [item.nodeid for item in items]
    slow = set() if config.option.slow else {item.nodeid for item in items if item.get_closest_marker("slow")}
    kept = sample(names, slow, config.option.sample_from)
    if config.option.rest:
        kept = rest(names, kept, *config.option.rest)
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
    items[:] = [item for item in items if item.nodeid in kept]


def part(text: str) -> tuple[int, int]:
    """Read a part's number, counted from 0, and how many there are."""
    number, _, among = text.partition("/")
    if not (number.isdigit() and among.isdigit() and int(number) < int(among)):
        raise ValueError(text)
    return int(number), int(among)


def sample(names: Iterable[str], slow: Collection[str], first: int = 0) -> set[str]:
    """Choose the tests of a sample by their names, as pytest prints them."""
    chosen: set[str] = set()
    for function, of_function in _by_function(name for name in names if name not in slow).items():
        many = len(of_function)
        is_whole = many <= SAMPLE or function.startswith(QUICK)
        picks = range(many) if is_whole else [pick * many // SAMPLE + first for pick in range(SAMPLE)]
        chosen.update(of_function[pick % many] for pick in picks)
    return chosen


def rest(names: Iterable[str], without: Collection[str], number: int, among: int) -> set[str]:
    """Choose a part of the parameters that are left, and each second one of the tests that have none."""
    left = _by_function(name for name in names if name not in without)
    plain = [function for function, of_function in left.items() if of_function == [function]]
    chosen = set(plain if among == 1 else plain[number % 2 :: 2])
    for function in left.keys() - set(plain):
        chosen.update(left[function][number::among])
    return chosen


def _by_function(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[name.partition("[")[0]].append(name)
    return found
