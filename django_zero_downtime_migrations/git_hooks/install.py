"""The hook: inserted into a repository, and removed again."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .. import DISTRIBUTION
from . import HOOK

#: The hook as a shell script; its values are quoted for the shell.
SCRIPT = """\
#!/bin/sh
# Judges the migrations that a commit stages. Made by insert_git_hooks of {distribution};
# `insert_git_hooks --remove` takes it away and puts back what was here before.
# {mark} {identity}
before=$(dirname "$0")/{before}
if [ -x "$before" ]; then
    "$before" "$@" || exit $?
fi
python={python}
if ! command -v "$python" >/dev/null; then
    echo "{hook}: $python, which runs check_migrations, is not there any more. Run insert_git_hooks again, or commit" \\
        "with --no-verify." >&2
    exit 1
fi
top=$PWD
cd {project} 2>/dev/null || exit 0
exec {environment}"$python" -m {module} --top "$top"{arguments} "$1"
"""
MARK = f"{DISTRIBUTION}:"
_BEFORE = re.compile(rb"^before=\$\(dirname \"\$0\"\)/(\S+)$", re.M)


class CannotInstall(Exception):
    """The hook cannot be inserted: the repository is missing, or git does not let us."""


class Installation(NamedTuple):
    """The call that the hook makes.

    :param project: the folder in which it runs; its repository gets the hook.
    :param command: what follows the interpreter: ``manage.py``, or ``-m django``.
    :param options: options of check_migrations beside ``--staged``.
    :param environment: variables that it needs.
    """

    project: Path
    command: Sequence[str] = ("manage.py",)
    options: Sequence[str] = ()
    environment: Sequence[tuple[str, str]] = ()
    python: str = sys.executable


class Place(NamedTuple):
    """The place of a project's hook.

    :param folder: git's folder of hooks.
    :param project: the project's folder from the top of the work tree.
    :param repository: if the hooks are shared with other repositories, the one that it is for; else empty.
    """

    folder: Path
    project: str
    repository: str

    @property
    def identity(self) -> str:
        # Relative paths are enough unless hooks are shared, so that a repository can be moved.
        return hashlib.sha256(os.fsencode(f"{self.repository}\0{self.project}")).hexdigest()[:12]


def insert(wanted: Installation) -> Path:
    """Write the hook, or rewrite it. An existing hook runs first, and decides first.

    :returns: the hook's file.
    :raises CannotInstall: when the project has no repository, or the file cannot be written.
    """
    place = find(wanted.project)
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotInstall(f"{place.folder}, git's folder for hooks, cannot be made: {error.strerror}.") from error
    ours = next(_ours(place), None)
    hook = ours or place.folder / HOOK
    before = _before(hook) if ours else _free_name(place)
    text = os.fsencode(_script(wanted, place, before))
    new = hook.with_name(f"{hook.name}.new")
    try:
        new.write_bytes(text)
        new.chmod(0o755)
        if not ours and (hook.exists() or hook.is_symlink()):
            hook.rename(hook.with_name(before))
        new.replace(hook)
    except OSError as error:
        raise CannotInstall(f"{hook} cannot be written: {error.strerror}.") from error
    return hook


def remove(project: Path) -> bool:
    """Remove the hook, and restore the one that was there before.

    :returns: whether there was one of ours.
    """
    found = list(_ours(find(project)))
    for hook in found:
        before = hook.with_name(_before(hook))
        if before.exists() or before.is_symlink():
            before.replace(hook)
        else:
            hook.unlink()
    return bool(found)


def find(project: Path) -> Place:
    """Find the place of the hook.

    :raises CannotInstall: ``project`` is outside any work tree of git.
    """
    if not (inside := _answer(project, "rev-parse", "--show-toplevel")):
        raise CannotInstall(f"{project} is in a repository without a work tree: nothing is committed there.")
    top = Path(inside)
    # Git is asked from the top, because a relative core.hooksPath counts from there.
    folder = top / _answer(top, "rev-parse", "--git-path", "hooks")
    common = (top / _answer(top, "rev-parse", "--git-common-dir")).resolve()
    own = any(folder.resolve().is_relative_to(place) for place in (common, top.resolve()))
    relative = os.path.relpath(project.resolve(), top.resolve())
    return Place(folder, Path(relative).as_posix(), "" if own else str(common))


def _answer(folder: Path, *arguments: str) -> str:
    try:
        # The messages are untranslated, because two of them are recognised below.
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, env=os.environ | {"LC_ALL": "C"})
    except FileNotFoundError as error:
        raise CannotInstall("git is not installed, or not on the PATH.") from error
    if done.returncode == 0:
        return os.fsdecode(done.stdout).rstrip("\r\n")
    said = os.fsdecode(done.stderr).strip()
    if "not a git repository" in said:
        raise CannotInstall(f"{folder} is not in a git repository: there is nothing to put a hook into.")
    if "must be run in a work tree" in said:
        return ""
    raise CannotInstall(said)


def _ours(place: Place) -> Iterator[Path]:
    """The files of this project's hook. Other tools that chain hooks may have given it another name."""
    mark = f"# {MARK} {place.identity}\n".encode()
    for path in sorted(place.folder.glob(f"{HOOK}*")):
        if path.is_file() and mark in path.read_bytes():
            yield path


def _before(hook: Path) -> str:
    match = _BEFORE.search(hook.read_bytes())
    return os.fsdecode(match[1]) if match else f"{HOOK}.none"


def _free_name(place: Place) -> str:
    names = (f"{HOOK}.before-{place.identity}{suffix}" for suffix in ("", *(f"-{n}" for n in range(2, 100))))
    return next(name for name in names if not os.path.lexists(place.folder / name))


def _script(wanted: Installation, place: Place, before: str) -> str:
    arguments = [*(("--repository", place.repository) if place.repository else ())]
    arguments += [f"--command={part}" for part in wanted.command] + [f"--option={part}" for part in wanted.options]
    return SCRIPT.format(
        mark=MARK,
        distribution=DISTRIBUTION,
        identity=place.identity,
        before=before,
        hook=HOOK,
        python=shlex.quote(wanted.python),
        project=shlex.quote(f"./{place.project}"),
        environment=_env(wanted.environment),
        module=__package__,
        arguments="".join(f" {shlex.quote(part)}" for part in arguments),
    )


def _env(variables: Sequence[tuple[str, str]]) -> str:
    return "".join(["env ", *(f"{name}={shlex.quote(value)} " for name, value in variables)]) if variables else ""
