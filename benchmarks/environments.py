"""Throw-away virtual environments: the baseline package has our import name, so it must never meet our package."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

BASELINE = "django-pg-zero-downtime-migrations"


def requirements() -> list[str]:
    """The Django and the driver that run this, and the newest wagtail that takes this Django."""
    driver = ("psycopg[binary]", "psycopg") if importlib.util.find_spec("psycopg") else ("psycopg2-binary",) * 2
    pinned = [f"{wanted}=={importlib.metadata.version(name)}" for wanted, name in (("Django", "Django"), driver)]
    return [*pinned, "wagtail"]


def make(folder: Path, *packages: str) -> Path:
    """The interpreter of an environment with these packages; one that is there already is taken as it is."""
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        ready.touch()
    return python


def version(python: Path, package: str) -> str:
    """Of a package in another environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
