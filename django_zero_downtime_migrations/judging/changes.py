"""What git says has changed."""

from __future__ import annotations

import os
import subprocess

from .errors import CannotJudge


def changed(since: str) -> list[str]:
    """Paths of files that differ from where this branch left a commit, also those that git does not know yet.

    :raises CannotJudge: outside a repository, or when there is no such commit.
    """
    top = _top()
    wanted = f"{since}^{{commit}}"
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", wanted, cwd=top, unknown=since).split()[-1]
    base = _run("merge-base", commit, "HEAD", cwd=top)
    start = base.stdout.decode().strip() if base.returncode == 0 else commit
    names = _git("diff", "--name-only", "-z", "--diff-filter=d", start, "--", cwd=top)
    names += _git("ls-files", "--others", "--exclude-standard", "-z", "--full-name", cwd=top)
    return [os.path.join(top, name) for name in names.split("\0") if name]


def staged() -> list[str]:
    """Paths of the files in the index that differ from the last commit; all of them when there is none."""
    top = _top()
    names = _git("diff", "--cached", "--name-only", "-z", "--diff-filter=d", cwd=top)
    return [os.path.join(top, name) for name in names.split("\0") if name]


def staged_otherwise() -> dict[str, bytes]:
    """What the index has, by real path, for staged files that look like migrations and whose files differ from it.

    :raises CannotJudge: where there is no such file, so that Django would not see the migration.
    """
    top = _top()
    differ = _git("diff", "--name-only", "-z", cwd=top).split("\0")
    found: dict[str, bytes] = {}
    for name in _git("diff", "--cached", "--name-only", "-z", "--diff-filter=d", cwd=top).split("\0"):
        if name not in differ or not name.endswith(".py"):
            continue
        content = _run("cat-file", "blob", f":{name}", cwd=top).stdout
        if b"Migration" not in content:
            continue
        path = os.path.join(top, name)
        if not os.path.exists(path):
            raise CannotJudge(f"{name} is staged, and its file has gone: git restore it, or unstage it.")
        found[os.path.realpath(path)] = content
    return found


def _top() -> str:
    return _git("rev-parse", "--show-toplevel", cwd=os.getcwd()).rstrip("\n")


def _git(*arguments: str, cwd: str, unknown: str = "") -> str:
    done = _run(*arguments, cwd=cwd)
    if done.returncode == 0:
        return os.fsdecode(done.stdout)
    if unknown:
        raise CannotJudge(f"git knows no commit {unknown!r}.")
    said = os.fsdecode(done.stderr).strip().splitlines()
    raise CannotJudge(f"git {arguments[0]}: {said[0] if said else f'exit status {done.returncode}'}")


def _run(*arguments: str, cwd: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True)
    except OSError as error:
        raise CannotJudge(f"git cannot be run: {error}.") from None
