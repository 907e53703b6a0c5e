"""Clients in a process of their own, where they do not wait for the interpreter of the migration that they disturb."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: Until all of them are at work, and until they have noticed what a migration that has just ended did to them.
BEGIN_SECONDS, END_SECONDS = 0.5, 0.3


@contextmanager
def clients(module: str, *arguments: str) -> Iterator[list[Any]]:
    """Run ``python -m module clients arguments`` while the block lasts.

    :returns: a list, which has the one thing that they have seen when the block has ended.
    """
    seen: list[Any] = []
    command = [sys.executable, "-m", module, "clients", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield seen
        time.sleep(END_SECONDS)
        seen.append(json.loads(process.communicate("")[0]))


def work_until_told(stop: threading.Event, seen: Callable[[], Any]) -> None:
    """Work in that process, when its threads have begun.

    :param stop: set when they are to end.
    :param seen: what they have seen, as JSON can carry it.
    """
    time.sleep(BEGIN_SECONDS)
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    print(json.dumps(seen()))
