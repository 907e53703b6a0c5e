"""Run pytest once per PostgreSQL major version that this Django supports: `python -m tests.matrix [pytest options]`.

PG_MAJORS="14 18" limits the versions; PG_BINDIR without PG_MAJORS means the server there and no other.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack

import django

from servers import binaries, launch

MAJORS = (14, 15, 16, 17, 18)
OLDEST = {(4, 2): 14, (5, 0): 14, (5, 1): 14, (5, 2): 14, (6, 0): 14, (6, 1): 15}[django.VERSION[:2]]
PASSED_OR_FAILED = re.compile(r"(\d+) (passed|failed|errors?)\b")
NO_TESTS = 5


def main(arguments: list[str]) -> int:
    majors = wanted_majors()
    passed = failed = 0
    for major in majors:
        with ExitStack() as running:
            environment = os.environ | {"PYTHONUNBUFFERED": "1"}
            if major:
                environment["DATABASE_URL"] = running.enter_context(launch.server(major, in_memory=True)).url
            started = time.monotonic()
            print(f"\n=== Django {django.get_version()}, PostgreSQL {major or environment['DATABASE_URL']}", flush=True)
            good, bad = run_pytest(arguments, environment)
            print(f"=== {good} passed, {bad} failed in {time.monotonic() - started:.0f} s", flush=True)
        passed, failed = passed + good, failed + bad
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def wanted_majors() -> list[int | None]:
    """Return the wanted majors. None stands for the server of DATABASE_URL, whatever its version is."""
    if "DATABASE_URL" in os.environ:
        return [None]
    if chosen := os.environ.get("PG_MAJORS", "").split():
        wanted = [int(major) for major in chosen if int(major) >= OLDEST]
    elif os.environ.get("PG_BINDIR"):
        wanted = [binaries.server_binaries(None)[1]]
    else:
        wanted = [major for major in MAJORS if major >= OLDEST]
    # All servers are checked before the first test: a missing one is a hole in the matrix, not a reason to skip.
    for major in wanted:
        binaries.server_binaries(major)
    return list(wanted)


def run_pytest(arguments: list[str], environment: dict[str, str]) -> tuple[int, int]:
    """Return how many tests passed and failed. A pytest that fails in another way counts as one more failure."""
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    last = ""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line if PASSED_OR_FAILED.search(line) else last
    counts = {outcome.rstrip("s"): int(number) for number, outcome in PASSED_OR_FAILED.findall(last)}
    failed = counts.get("failed", 0) + counts.get("error", 0)
    return counts.get("passed", 0), failed or int(process.returncode not in (0, NO_TESTS))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except binaries.NoServer as error:
        sys.exit(f"{error}\n\n0 passed, 1 failed")
