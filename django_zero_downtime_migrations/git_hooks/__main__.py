"""The hook itself: ``python -m django_zero_downtime_migrations.git_hooks MESSAGE``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from . import HOOK, TOKEN

#: Variables by which git tells a hook about the repository, relative to the folder in which it starts the hook.
_PLACES = ("GIT_DIR", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE")
#: How many names one call of git gets; Windows takes 32 kB.
_NAMES = 200
_SCISSORS = b" ------------------------ >8 ------------------------"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the hook, in the project's folder.

    :returns: the hook's exit code; anything but 0 stops the commit.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}")
    parser.add_argument("message", help="the file with the commit's message, as git gives it to commit-msg")
    parser.add_argument("--top", default=os.curdir, help="the folder in which git has started the hook")
    parser.add_argument("--repository", help="do nothing in any other repository than this one")
    parser.add_argument("--command", action="append", help="what runs check_migrations: manage.py, or -m and django")
    parser.add_argument("--option", action="append", default=[], help="an option of check_migrations")
    given = parser.parse_args(arguments)
    top = os.path.abspath(given.top)
    environment = _environment(top)
    git = _Git(top, environment)
    elsewhere = given.repository and not os.path.samefile(given.repository, git.common_directory())
    if elsewhere or git.merging() or not git.stages_migrations():
        return 0
    if allows(Path(top, given.message).read_bytes(), git.comment()):
        return 0
    command = [sys.executable, *(given.command or ["manage.py"]), "check_migrations", "--staged", *given.option]
    judged = subprocess.run(command, env=environment)
    if judged.returncode:
        print(
            f"\nThe commit was stopped by {HOOK}. To commit it all the same, write {TOKEN} into its message.",
            file=sys.stderr,
        )
    return judged.returncode


def allows(message: bytes, comment: bytes) -> bool:
    """Return whether a commit's message has the token, outside its comments.

    :param comment: the beginning of a comment line; ``auto``: git has chosen a character for this message.
    """
    marks: Iterable[bytes] = (b"%c" % mark for mark in b"#;@!$%^&|:") if comment == b"auto" else (comment,)
    marks = tuple(marks)
    for line in message.splitlines():
        if line.startswith(marks):
            # Below this line is the diff of `git commit --verbose`, which does not belong to the message.
            if line.endswith(_SCISSORS):
                return False
        elif TOKEN.encode() in line:
            return True
    return False


def _environment(top: str) -> dict[str, str]:
    """Return our environment with absolute paths, since check_migrations runs in the project's folder."""
    environment = dict(os.environ)
    for name in _PLACES:
        if name in environment:
            environment[name] = os.path.join(top, environment[name])
    if "GIT_DIR" in environment:
        # Without it git takes the working directory for the top of the work tree.
        environment.setdefault("GIT_WORK_TREE", top)
    return environment


class _Git(NamedTuple):
    """Questions to the repository of the commit."""

    top: str
    environment: dict[str, str]

    def _run(self, *arguments: str) -> bytes:
        return subprocess.run(
            ["git", *arguments], cwd=self.top, env=self.environment, stdout=subprocess.PIPE, check=False
        ).stdout

    def common_directory(self) -> str:
        return os.path.join(self.top, os.fsdecode(self._run("rev-parse", "--git-common-dir").rstrip(b"\r\n")))

    def merging(self) -> bool:
        path = self._run("rev-parse", "--git-path", "MERGE_HEAD").rstrip(b"\r\n")
        return os.path.exists(os.path.join(self.top, os.fsdecode(path)))

    def comment(self) -> bytes:
        set_to = self._run("config", "core.commentString") or self._run("config", "core.commentChar")
        return set_to.rstrip(b"\r\n") or b"#"

    def stages_migrations(self) -> bool:
        """Return whether a staged Python file has the word Migration, without which it has no migration."""
        listed = self._run("diff", "--cached", "--name-only", "-z", "--no-renames", "--diff-filter=d", "--", "*.py")
        names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
        found = ("grep", "--cached", "--files-with-matches", "--fixed-strings", "--word-regexp", "-e", "Migration")
        chunks = (names[start : start + _NAMES] for start in range(0, len(names), _NAMES))
        return any(self._run("--literal-pathspecs", *found, "--", *chunk) for chunk in chunks)


if __name__ == "__main__":
    sys.exit(main())
