"""The forms of tables: CREATE, DROP, RENAME."""

from __future__ import annotations

from ....naming import quote
from . import descriptions as d
from .forms import NAME, PATH, TABLE, Asked, Forms, Probe, Verdict, gone, renamed
from .server import Server, sibling

form = Forms()


@form(rf"CREATE TABLE (?:IF NOT EXISTS )?(?P<table>{PATH}) (?P<rest>\(.*)")
def create_table(asked: Asked) -> Probe:
    server, what = asked.server, f"The table {asked['table']}"
    there = server.relation(asked["table"])
    if there is None:
        return Probe(Verdict.ABSENT, what)
    if not there.is_table:
        return Probe(Verdict.DIFFERS, what, f"a {there}", f"a table {asked['rest']}")
    found = _Table.of(server, there)

    def build() -> _Table:
        server.run(f"CREATE TEMPORARY TABLE {server.temporary(there)} {asked['rest']}")
        made = server.relation(server.temporary(there))
        assert made is not None
        return _Table.of(server, made)

    wanted = server.built(build)
    if wanted is None:
        return Probe(Verdict.DIFFERS, what, str(found), asked["rest"])
    same = found.has(wanted, asked["rest"])
    return Probe(Verdict.DONE if same else Verdict.DIFFERS, what, str(found), str(wanted))


class _Table:
    """A table without foreign keys and indexes, and without some constraints: these may have queries of their own."""

    def __init__(self, columns: dict[str, str], constraints: list[d.Constraint], tablespace: str) -> None:
        self.columns = columns
        self.constraints = constraints
        self.tablespace = tablespace

    @classmethod
    def of(cls, server: Server, table: d.Relation) -> _Table:
        # The description of the column has NOT NULL.
        constraints = [x for x in server.constraints(table) if x.kind in "puxc"]
        return cls(server.columns(table), constraints, table.tablespace)

    def has(self, wanted: _Table, sql: str) -> bool:
        """Return whether it is what the SQL wants, maybe with more constraints. Their names count if it gives any."""
        same = (self.columns, self.tablespace) == (wanted.columns, wanted.tablespace)
        return same and all(
            any(str(x) == str(one) and (x.name == one.name or quote(one.name) not in sql) for x in self.constraints)
            for one in wanted.constraints
        )

    def __str__(self) -> str:
        parts = [f"{quote(name)} {definition}" for name, definition in self.columns.items()]
        parts += [f"CONSTRAINT {quote(x.name)} {x}" for x in self.constraints]
        return f"({', '.join(parts)}){f' TABLESPACE {quote(self.tablespace)}' if self.tablespace else ''}"


@form(rf"DROP TABLE (?:IF EXISTS )?(?P<table>{PATH})")
def drop_table(asked: Asked) -> Probe:
    return gone(asked.server.relation(asked["table"]) is None, f"The table {asked['table']}")


@form(rf"{TABLE}RENAME TO (?P<new>{NAME})")
def rename_table(asked: Asked) -> Probe:
    server, table = asked.server, asked["table"]
    # A view may have the table's old name by now.
    old = server.table(table)
    new = server.beside(old, asked["new"]) if old else server.relation(sibling(table, asked["new"]))
    if new and not new.is_table:
        return Probe(Verdict.DIFFERS, f"The table {asked['new']}", f"a {new}", f"the table {table}, under the new name")
    texts = [str(_Table.of(server, x)) if x else None for x in (old, new)]
    return renamed(f"The table {asked['new']}, so far {table}", *texts)


@form(rf"CREATE VIEW (?P<table>{PATH}) (?:WITH \(security_invoker = true\) )?AS SELECT \*")
def create_view(asked: Asked) -> Probe:
    what, there = f"The view {asked['table']}", asked.server.relation(asked["table"])
    if there is None:
        return Probe(Verdict.ABSENT, what)
    return Probe(Verdict.DIFFERS, what, f"a {there}", "a view") if there.is_table else Probe(Verdict.DONE, what)


@form(rf"DROP VIEW (?P<table>{PATH})")
def drop_view(asked: Asked) -> Probe:
    there = asked.server.relation(asked["table"])
    return gone(there is None or there.is_table, f"The view {asked['table']}")


@form(rf"{TABLE}SET TABLESPACE ")
@form(rf"COMMENT ON (?:TABLE|COLUMN) (?P<table>{PATH}) IS ")
@form(rf"LOCK TABLE (?:ONLY )?(?P<table>{PATH})")
@form(rf"UPDATE (?P<table>{PATH}) SET ")
def said_again(asked: Asked) -> Probe:
    """Report the change as absent: it can be repeated, and the server refused it for another reason."""
    return Probe(Verdict.ABSENT, asked["table"])


@form(r"DO \$zdm\$ ")
def check(asked: Asked) -> Probe:
    return Probe(Verdict.ABSENT, "A check of the partitions")
