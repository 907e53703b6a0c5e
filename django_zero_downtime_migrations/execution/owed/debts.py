"""The remains that plain removals keep for old code, to be dropped when old code has gone.

A debt names the operation that owes it; what is dropped is planned from that operation's own file, so nothing that is
read here becomes SQL. It is kept as a journal is (docs/decisions/0006-a-journal-in-comments.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from django.db import DatabaseError

from ...ddl import statements as s
from ...django_types import Connection
from ...log import logger
from ...naming import quote
from ...printable import printable
from ...record import Row
from ..batches.position import Whose
from ..kept import COMPOSITE, PREFIX, Kept, KeptType, said
from ..session.questions import rows
from .evidence import Seen

#: The prefix of the types' names; a digest of the operation follows.
NAME: Final = f"{PREFIX}owed"
#: The attributes of the type: what was last seen of old code, and why nothing is owed any more.
SLOTS: Final = ("seen", "over")
#: Why nothing is owed any more: it is dropped, a Contract is dropping it, or the operation was taken back.
PAID: Final = "paid"
BEING_PAID: Final = "being paid"
TAKEN_BACK: Final = "taken back"


#: The kinds of debts. A debt without a kind has the first one.
KINDS: Final = (s.REMOVED, s.RENAMED, s.DEFAULT, s.FILLED)
#: Words that precede the name of a column of which something stays.
_OF_A_COLUMN: Final = {s.REMOVED: "", s.DEFAULT: "the default of ", s.FILLED: "the trigger that fills "}


NOW: Final = "SELECT pg_catalog.date_part('epoch'::pg_catalog.text, pg_catalog.clock_timestamp())"


class Debt(Row):
    """A debt of one operation.

    :param type_name: the type that keeps it.
    :param whose: the operation that owes it.
    :param tables: the tables that stay, or whose column stays, as they are written in SQL.
    :param column: the plain name of the column that stays; empty if tables do.
    :param seen: what was last seen of old code; None before the first look.
    :param kind: one of :data:`KINDS`.
    """

    type_name: str
    whose: Whose
    tables: tuple[str, ...]
    column: str
    seen: Seen | None
    kind: str = s.REMOVED

    @property
    def id(self) -> str:
        return str(self.whose)

    @property
    def what(self) -> str:
        """Say what stays."""
        if self.kind == s.RENAMED:
            of_column = f"the old name {quote(self.column)} of a column of {self.tables[0]}"
            several = f"the old name{'s' * (len(self.tables) > 1)} {', '.join(self.tables)}"
            return printable(of_column if self.column else several)
        if self.column:
            return printable(f"{_OF_A_COLUMN[self.kind]}column {quote(self.column)} of {self.tables[0]}")
        return printable(f"table{'s' if len(self.tables) > 1 else ''} {', '.join(self.tables)}")


def debt_of(statement: s.Owe | s.OweNoMore) -> list[Debt]:
    """Return what is owed once the statement has run."""
    if isinstance(statement, s.OweNoMore):
        return []
    whose = whose_of(statement.owed_by)
    return [Debt(type_of(whose), whose, statement.tables, statement.column, None, statement.kind)]


def whose_of(owed_by: str) -> Whose:
    """Return the operation of a name that :attr:`Debt.id` gives."""
    name, _, number = owed_by.rpartition(":")
    app, _, migration = name.partition(".")
    operation, _, part = number.partition(".")
    return Whose(app, migration, int(operation), int(part) if part else None)


def type_of(whose: Whose) -> str:
    return f"{NAME}_{hashlib.sha256(str(whose).encode()).hexdigest()[:16]}"


class Debts:
    """The debts of one database.

    :param kept: the types, if they have been read already.
    """

    def __init__(self, connection: Connection, kept: Kept | None = None) -> None:
        self.connection = connection
        self.kept = kept or Kept(connection)

    def all(self) -> list[Debt]:
        """Return what is owed."""
        return self._debts("")

    def taken_back(self) -> list[Debt]:
        """Return debts of operations that were taken back; that may not be recorded yet."""
        return self._debts(TAKEN_BACK)

    def being_paid(self) -> list[Debt]:
        """Return debts that the Contract of a migration is paying; that migration may not be recorded yet."""
        return self._debts(BEING_PAID)

    def _debts(self, over: str) -> list[Debt]:
        found = (_debt(x, over) for x in self.kept.types if x.name.startswith(f"{NAME}_") and _is_ours(x))
        return sorted((x for x in found if x is not None), key=lambda x: (x.whose.app, x.whose))

    def older_than(self, seconds: float) -> list[Debt]:
        """Return the debts whose first look was longer ago than this."""
        debts = self.all()
        if not any(debt.seen for debt in debts):
            return []
        [(now,)] = rows(self.connection, NOW)
        return [debt for debt in debts if debt.seen and now - debt.seen.since > seconds]

    def unread(self) -> list[str]:
        """Describe what is named like a debt and does not count as one: another role could have written it, or the
        search_path begins with another schema by now.
        """
        place = self.kept.place
        return [
            *(
                f"{self.kept.path(x.name)} belongs to the role {printable(x.owner)}, and is not read"
                for x in place.types
                if x.name.startswith(f"{NAME}_") and not _is_ours(x)
            ),
            *(
                f"{x.id} is owed, and was left while the search_path began with the schema {quote(place.other)}"
                for x in map(_debt, (x for x in place.elsewhere if x.name.startswith(f"{NAME}_")))
                if x is not None
            ),
        ]

    # Writing

    def why_not(self, whose: Whose) -> str:
        """Say why a debt cannot be kept, and what to do; empty if it can, or is already."""
        found = self._type(whose)
        if found is None:
            return self.kept.why_not("What is owed is kept", "or set EXPAND_CONTRACT to False")
        if _is_ours(found):
            return ""
        path = self.kept.path(found.name)
        return f"{path} belongs to the role {printable(found.owner)}: drop it (DROP TYPE {path}), or migrate as it."

    def owing(self, whose: Whose, tables: Sequence[str], column: str, kind: str = s.REMOVED) -> str:
        """Return the SQL that writes a debt down. An earlier run of the migration may have done so, and a paid debt may
        have been left there.
        """
        name = type_of(whose)
        if self._type(whose) is None:
            about = {**whose.about, "tables": list(tables), "column": column, "kind": kind}
            return self.kept.create(name, SLOTS, about)
        return "; ".join(f"COMMENT ON COLUMN {self.kept.path(name)}.{slot} IS NULL" for slot in SLOTS)

    def forgiving(self, whose: Whose) -> str:
        """Return the SQL that deletes a debt."""
        return self.kept.drop([type_of(whose)])

    def taking_back(self, whose: Whose) -> str:
        """Return the SQL that marks a debt as taken back, in case the run is killed before that is recorded."""
        return self.kept.comment(type_of(whose), "over", TAKEN_BACK)

    def paying(self, whose: Whose) -> str:
        """Return the SQL that marks a debt as being paid, so that an interrupted Contract continues."""
        return self.kept.comment(type_of(whose), "over", BEING_PAID)

    def write_seen(self, debt: Debt, seen: Seen) -> None:
        self.kept.run(self.kept.comment(debt.type_name, "seen", json.dumps(seen._asdict())))

    def sweep(self, sql: str) -> None:
        """Drop the debts that have no table or column any more."""
        self.kept.run(sql)

    def forget(self, debt: Debt) -> None:
        """Delete a paid debt. If other objects depend on its type, mark it as paid."""
        for name in self.remove([debt]):
            self.kept.run(self.kept.comment(name, "over", PAID))

    def remove(self, debts: Sequence[Debt]) -> list[str]:
        """Drop the types of paid debts. Return the types that cannot be dropped."""
        names = [debt.type_name for debt in debts]
        try:
            left = self.kept.remove(names) if names else {}
        except DatabaseError as error:
            left = dict.fromkeys(names, said(error))
        for name, why in left.items():
            text = "%s is of something that is owed no more, and stays (%s): it does no harm."
            logger.warning(text, self.kept.path(name), printable(why))
        return list(left)

    def _type(self, whose: Whose) -> KeptType | None:
        return next((x for x in self.kept.types if x.name == type_of(whose)), None)


def _is_ours(found: KeptType) -> bool:
    return found.trusted and found.kind == COMPOSITE


def _debt(found: KeptType, over: str = "") -> Debt | None:
    """Read a debt; None if it is over for another reason, or cannot be read.

    :param over: why it is owed no more; empty for one that is owed.
    """
    try:
        about, slots = json.loads(found.header or ""), json.loads(found.slots or "{}")
        if slots.get("over", "") != over:
            return None
        part = about.get("part")
        of = str(about["app"]), str(about["migration"]), int(about["operation"])
        whose = Whose(*of, None if part is None else int(part))
        tables, kind = tuple(map(str, about["tables"])), str(about.get("kind", s.REMOVED))
        if kind not in KINDS:
            raise ValueError(f"{kind} is no kind of debt that this version knows")
        return Debt(found.name, whose, tables, str(about["column"]), _seen(slots.get("seen")), kind)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        logger.warning("The debt %s cannot be read: %s", found.name, printable(repr(error)))
        return None


def _seen(text: str | None) -> Seen | None:
    if not text:
        return None
    read: dict[str, Any] = json.loads(text)
    since, quiet, at, started = (float(read[name]) for name in ("since", "quiet", "at", "started"))
    counted, written = (None if read.get(name) is None else int(read[name]) for name in ("counted", "written"))
    return Seen(since, quiet, at, started, str(read["reset"]), counted, written)
