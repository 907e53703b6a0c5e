"""The demo as a newcomer runs it, with few rows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.example.project import NOT_FOR_THE_PROJECT, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def temporary_folder() -> Iterator[Path]:
    """Make a folder that is open to all users, since the server of root may run as another user."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def start_demo(temporary_folder: Path, *arguments: str, engine: str = "ours") -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_THE_PROJECT}
    return subprocess.Popen(
        [sys.executable, "-m", "example.demo", "--rows", "2000", *arguments],
        env=environment | {"TMPDIR": str(temporary_folder), "EXAMPLE_ENGINE": engine},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_run_applies_everything_with_both_engines_and_compares_them(temporary_folder: Path) -> None:
    demo = start_demo(temporary_folder)
    output, _ = demo.communicate()
    assert demo.returncode == 0, output
    assert re.search(r"^ +zero downtime +stock Django$", output, re.MULTILINE)
    # Ours are all applied, as the exit code says; one of stock Django may have lost a deadlock with the traffic.
    assert re.search(r"^migrations applied +\d+ +\d+$", output, re.MULTILINE)
    # What goes to a log file has no control characters.
    assert re.findall(r"[^\n\x20-\x7e]", output) == []
    assert re.search(r"^client errors +0 +\d+$", output, re.MULTILINE)


def test_an_interrupt_under_traffic_stops_the_server_and_removes_its_files(temporary_folder: Path) -> None:
    demo = start_demo(temporary_folder, "--engine", "stock")
    assert demo.stdout is not None
    output = ""
    while "0002_" not in output:
        output += demo.stdout.readline() or pytest.fail(output)
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate()
    assert demo.returncode == 130
    assert output.endswith("Stopped; the server and its files are gone.\n")
    assert list(temporary_folder.iterdir()) == []


def test_a_migration_that_fails_is_shown_and_ends_its_column_only(temporary_folder: Path) -> None:
    demo = start_demo(temporary_folder, engine="tests.example.failing")
    output, _ = demo.communicate()
    assert demo.returncode == 1, output
    assert "this backend knows no unique_together" in output
    assert re.search(r"^0020_\w+ +[\d.]+ +[\d,]+ ms", output, re.MULTILINE)
    assert re.search(r"^0021_order_unique_together +FAILED +[\d.]+ +[\d,]+ ms", output, re.MULTILINE)
    assert re.search(r"^0022_order_status_index +not run +[\d.]+ +[\d,]+ ms", output, re.MULTILINE)
