"""Objects that depend on an object that a statement drops, and do not belong to it.

The server refuses to drop the object because of them, or drops them as well under CASCADE.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..record import Row


class Dependent(Row):
    """An object as ``dependents.sql`` describes it.

    :param verb: the beginning of its DROP; empty if there is none.
    :param own: its name as in SQL; empty for a relation of its own.
    :param relation: the table that it belongs to, or itself, as in SQL; None if it belongs to none.
    :param table: the same relation as Django quotes it.
    :param name: its plain name.
    """

    kind: str
    verb: str
    own: str
    relation: str | None
    table: str
    name: str

    def __str__(self) -> str:
        match self.kind:
            case "partition key":
                return f"the partition key of {self.relation}"
            case "parent":
                return f"table {self.relation}, from which it is inherited,"
            case "publication":
                return f"publication {self.own} (of {self.relation})"
            case "default":
                return f"the default of column {self.own} of {self.relation}"
            case "column" | "generated column":
                return f"{self.kind} {self.own} of {self.relation}"
        on = f" on {self.relation}" if self.own and self.relation else ""
        return f"{self.kind} {self.own or self.relation}{on}"

    @property
    def drop(self) -> str:
        """The statement that drops it; empty if there is none."""
        if self.verb in ("DROP COLUMN", "DROP CONSTRAINT"):
            return f"ALTER TABLE {self.relation} {self.verb} {self.own}"
        if self.verb == "DROP DEFAULT":
            return f"ALTER TABLE {self.relation} ALTER COLUMN {self.own} DROP DEFAULT"
        if self.verb == "ALTER PUBLICATION":
            return f"{self.verb} {self.own} DROP TABLE {self.relation}"
        if self.own and self.relation:
            return f"{self.verb} {self.own} ON {self.relation}"
        return f"{self.verb} {self.own or self.relation}" if self.verb else ""


def refusal(what: str, dependents: Sequence[Dependent]) -> str:
    """Return the text that names them all, and what to type.

    :param what: the object that cannot be dropped, as the sentence begins.
    """
    depend = "depends" if len(dependents) == 1 else "depend"
    drops = "; ".join(x.drop for x in dependents if x.drop)
    first = f" first, with RunSQL in a migration before this one: {drops}" if drops else " in another way first"
    return (
        f"{what} cannot be dropped: {', '.join(map(str, dependents))} {depend} on it. Drop or replace that{first}. "
        "Make again what is still wanted without it; nothing was changed."
    )
