"""The comparison of the catalogue with a journal. Between two runs a user may have taken back by hand, or changed, what
the first run had done; an entry of the journal is believed only if the server has the object, by its definition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...naming import quote
from ...record import Row
from ...server import names_of
from ..already_there.probes import Probe, Verdict
from ..already_there.probes.constraints import drop_constraint
from ..already_there.probes.forms import Asked
from ..already_there.probes.server import Server
from .net import Net
from .net_objects import Made, NetTable
from .store import Done

_DEFAULT = re.compile(r" DEFAULT (?!AS IDENTITY)(.*?)( NOT NULL)?( NOT VALID)?$")


class Disagreement(Row):
    """An object that is not as the journal says.

    :param key: the key of the call that has sent the query.
    :param sql: the query.
    :param found: the server's answer.
    """

    key: str
    sql: str
    found: Probe

    def __str__(self) -> str:
        now = f"it is {self.found.there or 'not there'}"
        return f"{self.found.what}: {now}, and the run that was interrupted had sent {self.sql}"


class Agreement(Row):
    """The result of a comparison.

    :param agreeing: the number of objects that are as the journal says.
    :param disagreements: the other objects.
    :param unknown: the keys of calls that have sent something that the catalogue does not show.
    """

    agreeing: int
    disagreements: tuple[Disagreement, ...]
    unknown: tuple[str, ...]

    @property
    def nothing_is_left(self) -> bool:
        """True if everything has been taken back by hand: the migration can begin from the start."""
        absent = all(x.found.verdict is Verdict.ABSENT for x in self.disagreements)
        return bool(self.disagreements) and absent and not (self.agreeing or self.unknown)


def agreement(
    connection: Any, done: Sequence[Done], own_sql: Mapping[str, Sequence[str]], doubt: Sequence[str] = ()
) -> Agreement:
    """Ask the server about the net result of the calls.

    :param done: the complete calls in their order, and the completed part of the call under way.
    :param own_sql: the user's own SQL by the key of its call; the state of an object that it mentions is unknown.
    :param doubt: the queries that may have been sent after that.
    """
    net = Net(names_of(connection))
    for call in done:
        for sql in call.queries:
            net.add(call.key, sql)
        net.mentioned(own_sql.get(call.key, ()))
    for sql in doubt:
        net.doubt(sql)
    agreeing, disagreements = 0, list[tuple[int, Disagreement]]()
    for made, found in _asked(Server(connection), net):
        if found.verdict is Verdict.DONE:
            agreeing += not made.neutral
        else:
            disagreements.append((made.number, Disagreement(made.key, made.sql, found)))
    unknown = [*(x.key for x in done if not x.queries), *(x.key for x in net.unsure())]
    in_order = [found for _, found in sorted(disagreements, key=lambda each: each[0])]
    return Agreement(agreeing, tuple(in_order), tuple(unknown))


def _asked(server: Server, net: Net) -> Iterator[tuple[Made, Probe]]:
    for (kind, name), made in net.gone.items():
        if not made.unsure:
            yield made, _gone(not server.relation(name), f"The {kind} {name}")
    for table in net.tables.values():
        ask = _OfTable(server, table)
        for made, question in ask.questions():
            if not made.unsure:
                yield made, question(made)
    for made in net.attached:
        if made.form is not None:
            yield made, made.form(Asked(server=server, parts=made.parts, table="", then=()))


class _OfTable:
    """The questions about one table and its columns, constraints and indexes."""

    def __init__(self, server: Server, table: NetTable) -> None:
        self.server = server
        self.table = table

    def questions(self) -> Iterator[tuple[Made, Callable[[Made], Probe]]]:
        table = self.table
        if table.itself:
            yield table.itself, self._itself
        for column in table.columns.values():
            if column.form is not None or not column.changes:
                yield column, self._column
            for aspect, change in column.changes.items():
                change.unsure = change.unsure or column.unsure
                yield change, self._aspect(aspect, column)
        for made in (*table.constraints.values(), *table.indexes.values()):
            yield made, self._same
        for (kind, name), made in table.gone.items():
            yield made, self._gone(kind, name)

    def _ask(self, form: Callable[[Asked], Probe], parts: dict[str, str]) -> Probe:
        asked = Asked(server=self.server, parts={**parts, "table": self.table.name}, table=self.table.name, then=())
        return form(asked)

    def _itself(self, made: Made) -> Probe:
        found = self.server.table(self.table.name)
        if found and made.form is not None and not made.changed:
            return self._ask(made.form, made.parts)
        return Probe(Verdict.DONE if found else Verdict.ABSENT, f"The table {self.table.name}")

    @property
    def _columns(self) -> dict[str, str]:
        table = self.server.table(self.table.name)
        return self.server.columns(table) if table else {}

    def _column(self, made: Made) -> Probe:
        name = made.parts["column"]
        if self.server.plain(name) not in self._columns or made.form is None or made.changes:
            # If the column has been altered, each change is asked about.
            there = self.server.plain(name) in self._columns
            return Probe(Verdict.DONE if there else Verdict.ABSENT, f"The column {name} of {self.table.name}")
        return self._ask(made.form, made.parts)

    def _aspect(self, aspect: str, column: Made) -> Callable[[Made], Probe]:
        def ask(made: Made) -> Probe:
            name = column.parts["column"]
            there = self._columns.get(self.server.plain(name))
            what = f"The column {name} of {self.table.name}"
            if there is None:
                return Probe(Verdict.ABSENT, what)
            if aspect == "identity":
                return self._ask(made.form, {**made.parts, "column": name}) if made.form else Probe(Verdict.DONE, what)
            action = made.parts.get("action", "SET NOT NULL")
            if self._has(name, there, action):
                return Probe(Verdict.DONE, what)
            # As it was before, unless the column itself has been made.
            return Probe(Verdict.ABSENT if column.form is None else Verdict.DIFFERS, what, there, action)

        return ask

    def _has(self, column: str, there: str, action: str) -> bool:
        default = _DEFAULT.search(there)
        if action.startswith("SET NOT NULL"):
            return " NOT NULL" in there
        if action.startswith("DROP NOT NULL"):
            return " NOT NULL" not in there
        if action.startswith("DROP DEFAULT"):
            return default is None
        return self._unchanged_by(column, there, action, default[1] if default else "")

    def _unchanged_by(self, column: str, there: str, action: str, default: str) -> bool:
        """Return whether the column has a new type or default already: the server makes it on an empty copy."""
        server, table = self.server, self.server.table(self.table.name)
        assert table is not None

        def build() -> tuple[str, str]:
            copy, name = server.copy(table), server.temporary(table)
            before = server.columns(copy)[server.plain(column)]
            server.run(f"ALTER TABLE {name} ALTER COLUMN {column} {action}")
            return before, server.columns(copy)[server.plain(column)]

        built = server.built(build)
        if built is None:
            return False
        if action.startswith("SET DEFAULT"):
            made = _DEFAULT.search(built[1])
            return (made[1] if made else "") == default
        return built[0] == built[1]

    def _same(self, made: Made) -> Probe:
        if made.form is None or "name" not in made.parts or made.form.__name__.startswith("rename"):
            return self._there(made)
        return self._ask(made.form, made.parts)

    def _there(self, made: Made) -> Probe:
        """Ask about a constraint that existed before and has been renamed."""
        name = made.parts["name"]
        table = self.server.table(self.table.name)
        there = table is not None and self.server.constraint(table, name) is not None
        return Probe(Verdict.DONE if there else Verdict.ABSENT, f"The constraint {name} of {self.table.name}")

    def _gone(self, kind: str, name: str) -> Callable[[Made], Probe]:
        def ask(made: Made) -> Probe:
            if kind == "constraint":
                return self._undone(self._ask(drop_constraint, {"name": quote(name)}))
            if kind == "column":
                there = name in self._columns
                return _gone(not there, f"The column {quote(name)} of {self.table.name}")
            assert made.form is not None
            return self._undone(self._ask(made.form, made.parts))

        return ask

    def _undone(self, found: Probe) -> Probe:
        """Return the answer for a drop; a missing table has lost its objects as well, and is itself reported."""
        is_gone = found.verdict is Verdict.DONE or not self.server.table(self.table.name)
        return _gone(is_gone, found.what)


def _gone(is_gone: bool, what: str) -> Probe:
    return Probe(Verdict.DONE if is_gone else Verdict.ABSENT, what, "" if is_gone else "there again")
