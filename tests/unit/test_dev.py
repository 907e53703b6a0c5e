"""`dev.py`, the first thing that a newcomer runs, in a checkout of its own: real processes that make environments."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
#: Where it is made, nothing can be installed: the program ends after the environment.
ENVIRONMENT = {**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "dev.py", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[build-system]\nrequires = ["nowhere-to-be-found"]\n')
    return tmp_path


def as_any_owner() -> None:
    """Drop root's privilege to write against the file mode; other users have none."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)


def start(checkout: Path, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "dev.py", "test"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=checkout, env=ENVIRONMENT, start_new_session=True, **streams, **options)


def end(process: subprocess.Popen[str]) -> str:
    """Return the output, which is not a traceback, of a run that does not succeed."""
    said, _ = process.communicate()
    assert process.returncode != 0, said
    assert "Traceback" not in said, said
    return said


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_what_was_interrupted_is_made_again(checkout: Path, by: signal.Signals) -> None:
    process = start(checkout)
    while not (checkout / ".venv/bin/python").exists():  # pip comes after it, and takes seconds
        assert process.poll() is None
        time.sleep(0.001)
    os.killpg(process.pid, by)
    said = end(process)
    assert ("Interrupted." in said) is (by is signal.SIGINT)
    said = end(start(checkout))
    assert "Making a virtual environment" in said
    assert "pip could not install it" in said
    assert "No module named pip" not in said
    subprocess.run([checkout / ".venv/bin/python", "-m", "pip", "--version"], check=True, stdout=subprocess.DEVNULL)
    # What is complete stays.
    (checkout / ".venv/mine").touch()
    assert "Making a virtual environment" not in end(start(checkout))
    assert (checkout / ".venv/mine").exists()


@pytest.mark.parametrize("path", ["mine.txt", "bin/activate"])
def test_folder_of_somebody_else_is_not_touched(checkout: Path, path: str) -> None:
    other = checkout / ".venv" / path
    other.parent.mkdir(parents=True)
    other.touch()
    assert end(start(checkout)) == "There is a .venv without a Python: remove it and try again.\n"
    assert other.exists()


def test_environment_without_pip_is_named(checkout: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    assert end(start(checkout)) == "The Python in .venv has no pip: remove the folder .venv and try again.\n"


def test_folder_that_cannot_be_written_is_named_in_one_line(checkout: Path) -> None:
    checkout.chmod(0o555)
    try:
        said = end(start(checkout, preexec_fn=as_any_owner))
    finally:
        checkout.chmod(0o755)
    assert said == (
        f"{checkout}/.venv-unfinished cannot be written (Permission denied): "
        "copy the checkout to a folder of your own.\n"
    )
