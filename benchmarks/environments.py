"""Throw-away virtual environments: django-pg-zero-downtime-migrations has our import name, so they must never meet."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

PG_ZERO_DOWNTIME = "django-pg-zero-downtime-migrations"


def requirements() -> list[str]:
    """The Django and the driver that run this, and the newest wagtail that takes this Django."""
    return [f"Django=={importlib.metadata.version('Django')}", driver(), "wagtail"]


def for_project(*packages: str) -> list[str]:
    """Packages, the newest Django that they take but none newer than the one that runs this, and the driver."""
    return [*packages, f"Django<={importlib.metadata.version('Django')}", driver()]


def driver() -> str:
    wanted, name = ("psycopg[binary]", "psycopg") if importlib.util.find_spec("psycopg") else ("psycopg2-binary",) * 2
    return f"{wanted}=={importlib.metadata.version(name)}"


def make(folder: Path, *packages: str) -> Path:
    """The interpreter of an environment with these packages; one that is there already is taken as it is."""
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        uv = shutil.which("uv")
        own = [sys.executable, "-m", "venv", "--clear"]
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable] if uv else own
        install = [uv, "pip", "install", "--python", str(python)] if uv else [str(python), "-m", "pip", "install"]
        subprocess.run([*make, str(folder)], check=True)
        subprocess.run([*install, "--quiet", *packages], check=True)
        ready.touch()
    return python


def version(python: Path, package: str) -> str:
    """Return the version of a package in another environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
