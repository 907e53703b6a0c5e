"""The code of another commit, beside the one that is checked out."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import CannotJudge
from ..judging.choice.changes import git, top_folder


@contextmanager
def worktree(ref: str, copied: Sequence[str] = ()) -> Iterator[Path]:
    """Check a commit out in a folder of its own for the time of the block.

    :param ref: a commit of git.
    :param copied: files that git does not have and the project needs, such as .env, from the top of the repository.
    :returns: the top of that folder.
    :raises CannotJudge: outside of a repository, for an unknown commit, and for a file that does not exist.
    """
    top = top_folder()
    commit = git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", cwd=top, unknown=ref).strip()
    with tempfile.TemporaryDirectory(prefix="check_release-") as name:
        folder = Path(os.path.realpath(name)) / "tree"
        git("worktree", "add", "--quiet", "--detach", str(folder), commit, cwd=top)
        try:
            for each in copied:
                _copy(Path(top) / each, folder / each)
            yield folder
        finally:
            git("worktree", "remove", "--force", str(folder), cwd=top)


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise CannotJudge(f"--copy names {str(source)!r}, which is not a file.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def moved(path: str, folder: Path) -> str:
    """Return where a path of the repository is in the other folder; any other path stays as it is.

    A virtual environment in the repository is not in git, and stays as well.
    """
    top = Path(os.path.realpath(top_folder()))
    real = Path(os.path.realpath(path or os.curdir))
    other = folder / real.relative_to(top) if real.is_relative_to(top) else real
    return str(other) if other.exists() else str(real)


def search_path(folder: Path | None) -> list[str]:
    """Return ``sys.path`` for a process with the code of another folder, or with the code of this process."""
    return [moved(path, folder) if folder is not None else os.path.realpath(path or os.curdir) for path in sys.path]
