"""The trial itself: which statements of which release fail on which schema."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError

from ..django_types import Connection, Cursor
from ..errors import CannotJudge
from ..execution.session.interrupt import terminable
from ..naming import quote
from ..record import Record, Row
from .probes import Failure
from .process import Failed, Key, Process
from .worktree import worktree

#: The made database's name begins so; the beginning of the other one's follows, and a number.
PREFIX = "zero_downtime_release_"
OF_NAME = 28
What = tuple[str, str]


class Break(Row):
    """A statement that works on the release's own schema and fails on another one.

    :param since: the first migration, as app and name, after which it fails; empty where that does not apply.
    """

    failure: Failure
    since: str = ""


class Comparison(Record):
    """The result.

    :param against: the other release, as it was named.
    :param pending: the migrations that this release adds, in their order.
    :param old_code: what the other release's code cannot do after these.
    :param new_code: what this release's code cannot do before them.
    :param taken_back: what the other release's code cannot do when they have been taken back.
    :param stays: why they cannot be taken back; empty if they can.
    :param not_judged: what fails on a release's own schema as well, so that nothing is known of it.
    """

    against: str
    pending: tuple[str, ...] = ()
    old_code: tuple[Break, ...] = ()
    new_code: tuple[Break, ...] = ()
    taken_back: tuple[Break, ...] = ()
    stays: str = ""
    not_judged: tuple[Failure, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether the other release's code does not work on the schema of this one."""
        return bool(self.old_code or self.taken_back)

    @property
    def last_safe(self) -> str:
        """The last migration after which all of the other release's code works; empty if there is none."""
        if not self.old_code:
            return self.pending[-1] if self.pending else ""
        first = min(self.pending.index(each.since) for each in self.old_code)
        return self.pending[first - 1] if first else ""


def compare(connection: Connection, ref: str, copied: Sequence[str], say: Callable[[str], None]) -> Comparison:
    """Try the code of a commit and the one that is checked out on each other's schema.

    Both are migrated on a database that is made for it beside the connection's one, and dropped.

    :param copied: files that git does not have, for the folder of the commit.
    :param say: told what is going on.
    :raises CannotJudge: when one of them cannot be loaded or migrated.
    """
    alias = connection.alias
    with (
        terminable(),
        worktree(ref, copied) as folder,
        made_database(connection) as name,
        Process(ref, alias, name, folder) as old,
        Process("this release", alias, name) as new,
    ):
        say(f"Migrating a new database as of {ref}.")
        old.migrate()
        old.fill()
        return _Trial(ref, old, new, say).run()


class _Trial:
    def __init__(self, ref: str, old: Process, new: Process, say: Callable[[str], None]) -> None:
        self.ref = ref
        self.old = old
        self.new = new
        self.say = say

    def run(self) -> Comparison:
        own_old = self.old.probe()
        early = self.new.probe()
        pending = self.new.pending()
        broken = list(self._apply(pending, _known(own_old)))
        own_new = self.new.probe()
        known_new, known_old = _known(own_new), _known(own_old)
        taken_back, stays = self._take_back(pending, known_old)
        return Comparison(
            against=self.ref,
            pending=tuple(map(".".join, pending)),
            old_code=tuple(broken),
            new_code=tuple(Break(x) for x in early if _what(x) not in known_new),
            taken_back=tuple(taken_back),
            stays=stays,
            not_judged=tuple({_what(x): x for x in (*own_new, *own_old)}.values()),
        )

    def _apply(self, pending: Sequence[Key], known: set[What]) -> Iterator[Break]:
        """Apply the migrations one by one, and try the old code after each of them."""
        seen = set(known)
        for number, key in enumerate(pending, 1):
            self.say(f"{'.'.join(key)} ({number} of {len(pending)})")
            if isinstance(self.new.ask("migrate", *key), Failed):
                # It may not suit the rows that were made up.
                self.new.empty()
                self.new.migrate(*key)
            for failure in self.old.probe():
                if _what(failure) not in seen:
                    seen.add(_what(failure))
                    yield Break(failure, ".".join(key))

    def _take_back(self, pending: Sequence[Key], known: set[What]) -> tuple[list[Break], str]:
        """Take the migrations back, and try the old code then. Return also why they cannot be taken back."""
        if not pending:
            return [], ""
        self.say("Taking them back.")
        for key in reversed(pending):
            answer = self.new.ask("take_back", *key)
            if isinstance(answer, Failed):
                return [], f"{'.'.join(key)}: {answer.why}"
        return [Break(x) for x in self.old.probe() if _what(x) not in known], ""


def _known(failures: Iterable[Failure]) -> set[What]:
    return {_what(failure) for failure in failures}


def _what(failure: Failure) -> What:
    return failure.model, failure.action


@contextmanager
def made_database(connection: Connection) -> Iterator[str]:
    """Make a database for the time of the block, on the server of a connection.

    :returns: its name.
    :raises CannotJudge: when the role may not make one.
    """
    # A name has at most 63 bytes.
    beside = connection.settings_dict["NAME"].encode()[:OF_NAME].decode(errors="ignore")
    name = f"{PREFIX}{beside}_{secrets.token_hex(6)}"
    server: Any = connection
    with server._nodb_cursor() as cursor:
        try:
            _make(cursor, quote(name))
            yield name
        finally:
            # An interrupt may come when the server has just made it.
            cursor.execute(f"DROP DATABASE IF EXISTS {quote(name)} WITH (FORCE)")


def _make(cursor: Cursor, name: str) -> None:
    try:
        cursor.execute(f"CREATE DATABASE {name}")
        # Other roles have nothing to do there, and could put something in the way of what runs.
        cursor.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    except DatabaseError as error:
        why = " ".join(str(error).split())
        raise CannotJudge(f"No database can be made for the trial: {why}. The role needs CREATEDB.") from None
