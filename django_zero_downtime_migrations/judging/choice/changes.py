"""The files that have changed, as git tells."""

from __future__ import annotations

import os
import subprocess

from ...errors import CannotJudge

#: The workflow's line that fetches the commits which a clone lacks.
WHOLE_HISTORY = (
    "Have the whole history fetched: fetch-depth: 0 for actions/checkout on GitHub, GIT_DEPTH: 0 among the variables "
    "of a job on GitLab, git fetch --unshallow elsewhere."
)


def changed(since: str) -> dict[str, bool]:
    """Return files that differ from the point where this branch left a commit, also those that git does not know yet.

    :returns: by their paths, whether the file is new: that commit does not have it under any name.
    :raises CannotJudge: outside a repository, if the commit is unknown, or if the clone lacks commits in between.
    """
    top = top_folder()
    wanted = f"{since}^{{commit}}"
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", wanted, cwd=top, unknown=since).split()[-1]
    base = _run("merge-base", commit, "HEAD", cwd=top)
    if base.returncode != 0 and _is_shallow(top):
        raise CannotJudge(f"This clone is a shallow one, which has no commit that {since!r} shares. {WHOLE_HISTORY}")
    start = base.stdout.decode().strip() if base.returncode == 0 else commit
    found = _statuses(top, start)
    unknown = git("ls-files", "--others", "--exclude-standard", "-z", "--full-name", cwd=top).split("\0")
    return found | {os.path.join(top, name): True for name in unknown if name}


def staged() -> dict[str, bool]:
    """Return files in the index that differ from the last commit.

    :returns: by their paths, whether the file is new. Before the first commit none counts as new: the running code may
        have all of them.
    """
    top = top_folder()
    found = _statuses(top, "--cached")
    has_commit = _run("rev-parse", "--verify", "--quiet", "HEAD", cwd=top).returncode == 0
    return found if has_commit else dict.fromkeys(found, False)


def _statuses(top: str, since: str) -> dict[str, bool]:
    """Return the git status of each file. A renamed file is not new, nor is a file that has become a link.

    :param since: a commit, or ``--cached``.
    """
    command = ("diff", "--name-status", "--find-renames", "-z", "--diff-filter=d", since, "--")
    words = iter(git(*command, cwd=top).split("\0"))
    found = {}
    for status in filter(None, words):
        name = next(words)
        found[os.path.join(top, next(words) if status[0] in "RC" else name)] = status[0] in "AC"
    return found


def _is_shallow(top: str) -> bool:
    return git("rev-parse", "--is-shallow-repository", cwd=top).strip() == "true"


def staged_otherwise() -> dict[str, bytes]:
    """Return the index's content, by real path, of staged files that look like migrations and differ from the index.

    :raises CannotJudge: if such a file is missing, so that Django would not see the migration.
    """
    top = top_folder()
    differ = git("diff", "--name-only", "-z", cwd=top).split("\0")
    found: dict[str, bytes] = {}
    for name in git("diff", "--cached", "--name-only", "-z", "--diff-filter=d", cwd=top).split("\0"):
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


def top_folder() -> str:
    """Return the top of the repository.

    :raises CannotJudge: outside of one.
    """
    return git("rev-parse", "--show-toplevel", cwd=os.getcwd()).rstrip("\n")


def git(*arguments: str, cwd: str, unknown: str = "") -> str:
    """Return the output of a command of git.

    :param unknown: the commit that it does not know when it fails.
    :raises CannotJudge: with the reason of git.
    """
    done = _run(*arguments, cwd=cwd)
    if done.returncode == 0:
        return os.fsdecode(done.stdout)
    if unknown:
        where = f" {WHOLE_HISTORY}" if _run("rev-parse", "--is-shallow-repository", cwd=cwd).stdout == b"true\n" else ""
        raise CannotJudge(f"git knows no commit {unknown!r}.{where}")
    said = os.fsdecode(done.stderr).strip().splitlines()
    raise CannotJudge(f"git {arguments[0]}: {said[0] if said else f'exit status {done.returncode}'}")


def _run(*arguments: str, cwd: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True)
    except OSError as error:
        raise CannotJudge(f"git cannot be run: {error}.") from None
