"""The process with the code of one release, as its parent talks to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from ..errors import CannotJudge
from ..record import Row
from .probes import Failure
from .worktree import moved, search_path

Key = tuple[str, str]
#: The release's own folders come first, and ours is behind them if nothing else has the package.
_START: Final = """
import sys
sys.path[:] = {path!r}
from {package}.child import main
main({alias!r}, {database!r})
"""
HINT: Final = ". Files that git does not have, such as .env, are copied with --copy FILE"
#: How many of the last lines that a process has printed are shown when it fails.
LINES: Final = 5


class Failed(Row):
    """A request that has failed, and why."""

    why: str


class Process:
    """A process with the code of one release.

    :param name: what it is called in errors.
    :param folder: the folder of its code; None for the code of this process.
    :param database: the name of the database that was made for the trial.
    """

    def __init__(self, name: str, alias: str, database: str, folder: Path | None = None) -> None:
        self.name = name
        start = _START.format(path=search_path(folder), package=__package__, alias=alias, database=database)
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            cwd=moved(os.curdir, folder) if folder is not None else None,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Process:
        answer = self._read()
        if "error" in answer:
            self.__exit__(None, None, None)
            raise CannotJudge(f"The project cannot be loaded as of {self.name}: {answer['error']}{HINT}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._printed.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        self._printed.seek(0)
        said = self._printed.read().decode(errors="replace").strip().splitlines()[-LINES:]
        raise CannotJudge(f"The process of {self.name} has ended: {' / '.join(said)}")

    def ask(self, what: str, *given: str) -> Any:
        """Send a request and wait for its answer.

        :returns: :class:`Failed` if it has failed.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, "with": given}) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        return Failed(answer["error"]) if "error" in answer else answer["answer"]

    def _sure(self, what: str, *given: str) -> Any:
        answer = self.ask(what, *given)
        if isinstance(answer, Failed):
            raise CannotJudge(f"{what} with the code of {self.name}: {answer.why}")
        return answer

    def migrate(self, *target: str) -> None:
        """Apply everything, or go to one migration.

        :raises CannotJudge: when that fails.
        """
        self._sure("migrate", *target)

    def empty(self) -> None:
        """Take the rows away."""
        self._sure("empty")

    def fill(self) -> None:
        """Write a row of each model."""
        self._sure("fill")

    def pending(self) -> list[Key]:
        """Return the migrations that are not applied, in their order."""
        return [(app, name) for app, name in self._sure("pending")]

    def probe(self) -> list[Failure]:
        """Try all models on the database as it is."""
        return [Failure(**each) for each in self._sure("probe")]
