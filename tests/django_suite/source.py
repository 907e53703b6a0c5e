"""The tests of the installed Django: they are in its source distribution, not in the wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"


class SourceNotFound(Exception):
    """The source distribution could not be had; the message says what was tried."""


def tests_folder() -> Path:
    """The folder with `runtests.py` of exactly the installed Django."""
    return _distribution(django.get_version()) / "tests"


def package_folder(version: str) -> Path:
    """The `django` package of any version, to read."""
    return _distribution(version) / "django"


def _distribution(version: str) -> Path:
    """The unpacked source distribution, downloaded at the first call."""
    folder = CACHE / f"django-{version}"
    if not folder.exists():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="download-") as work:
            unpacked = _unpack(_download(version, Path(work)), Path(work) / "unpacked")
            # Two runs may start together, and a rename is atomic: the second one finds the folder of the first.
            try:
                os.replace(unpacked, folder)
            except OSError:
                if not folder.exists():
                    raise
    return folder


def _download(version: str, target: Path) -> Path:
    # Only Django itself is taken as source: the tools that read its metadata may come as wheels.
    arguments = ["download", "--no-deps", "--no-binary", "django", "--dest", str(target), f"django=={version}"]
    command = [*_pip(target), *arguments, "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    archives = list(target.glob("*.tar.gz"))
    if done.returncode or not archives:
        raise SourceNotFound(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return archives[0]


def _pip(work: Path) -> list[str]:
    """A pip that runs under this very Python, because Django's metadata names the versions that may read it."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if importlib.util.find_spec("ensurepip"):
        venv.create(work / "pip", with_pip=True)
        return [str(work / "pip" / ("Scripts" if os.name == "nt" else "bin") / "python"), "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "--python", sys.executable, "pip"]
    raise SourceNotFound("Neither pip, ensurepip nor uv is here to download Django's source distribution with.")


def _unpack(archive: Path, target: Path) -> Path:
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(target, filter="data")
        else:
            tar.extractall(target)
    (folder,) = target.iterdir()
    return folder
