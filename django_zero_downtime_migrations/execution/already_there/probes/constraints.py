"""The forms of constraints: ADD, DROP, RENAME, VALIDATE."""

from __future__ import annotations

import re

from ....naming import quote
from . import descriptions as d
from .forms import NAME, NAMES, PATH, TABLE, Asked, Forms, Probe, Verdict, gone, renamed
from .server import Server

form = Forms()

KEY = re.compile(
    rf"FOREIGN KEY (?P<columns>\({NAMES}\)) REFERENCES (?P<to>{PATH}) ?\((?P<to_columns>{NAMES})\)(?P<options>.*)", re.S
)
USING_INDEX = re.compile(rf"(?P<kind>UNIQUE|PRIMARY KEY) USING INDEX (?P<index>{NAME})(?P<options>.*)", re.S)
NOT_NULL = re.compile(rf"NOT NULL (?P<column>{NAME})(?P<options>.*)", re.S)
#: Kinds whose constraint has an index, which is a relation as well.
WITH_INDEX = ("UNIQUE", "PRIMARY KEY", "EXCLUDE")


@form(rf"{TABLE}ADD CONSTRAINT (?P<name>{NAME}) (?P<definition>.*)")
def add_constraint(asked: Asked) -> Probe:
    server, definition = asked.server, asked["definition"]
    what = f"The constraint {asked['name']} of {asked['table']}"
    table = server.table(asked["table"])
    if table is None:
        return Probe(Verdict.ABSENT, what)
    if key := KEY.match(definition):
        parts = (key["columns"], key["to"], key["to_columns"], key["options"])
        return foreign_key(asked, table, asked["name"], *parts)
    there = server.constraint(table, asked["name"])
    if there is None:
        return _without(asked, table, what)
    if using := USING_INDEX.match(definition):
        return _using_index(asked, table, there, using, what)
    column = NOT_NULL.match(definition)

    def build() -> list[d.Constraint]:
        copy = server.dummy(table.name, [column["column"]]) if column else server.copy(table)
        add = f"ALTER TABLE {server.temporary(table)} ADD CONSTRAINT {asked['name']} "
        server.run(add + definition)
        made = server.constraint(copy, asked["name"])
        assert made is not None
        if made.kind not in "cx":
            return [made]
        # The definition is read back as in a restored database: some expressions change in a dump.
        server.run(f"ALTER TABLE {server.temporary(table)} DROP CONSTRAINT {asked['name']}")
        server.run(add + made.definition)
        again = server.constraint(copy, asked["name"])
        return [made, again._replace(extra=made.extra)] if again else [made]

    wanted = server.built(build)
    if wanted is None:
        return Probe(Verdict.DIFFERS, what, _text(there), definition)
    same = any((there.kind, str(there)) == (x.kind, str(x)) for x in wanted) and (there.valid or not wanted[0].valid)
    return Probe(Verdict.DONE if same else Verdict.DIFFERS, what, _text(there), _text(wanted[0]))


def _text(constraint: d.Constraint) -> str:
    enforced = "NOT ENFORCED" not in constraint.definition
    return f"{constraint}{' NOT VALID' if not constraint.valid and enforced else ''}"


def _without(asked: Asked, table: d.Relation, what: str) -> Probe:
    """Judge an ADD whose name has no constraint yet; another object may be in the way."""
    definition = asked["definition"]
    if definition.startswith("PRIMARY KEY"):
        rivals = [x for x in asked.server.constraints(table) if x.kind == "p"]
    elif column := NOT_NULL.match(definition):
        all_of_them = asked.server.constraints(table)
        rivals = [x for x in all_of_them if x.kind == "n" and _is_of(asked.server, x, column["column"])]
    else:
        rivals = []
    if rivals:
        there = f"{_text(rivals[0])}, under the name {quote(rivals[0].name)}"
        return Probe(Verdict.DIFFERS, what, there, definition)
    if definition.startswith(WITH_INDEX) and not USING_INDEX.match(definition):
        relation = asked.server.beside(table, asked["name"])
        if relation is not None:
            index = asked.server.index(relation)
            return Probe(Verdict.DIFFERS, what, f"{index}, no constraint" if index else f"a {relation}", definition)
    return Probe(Verdict.ABSENT, what)


def _is_of(server: Server, not_null: d.Constraint, column: str) -> bool:
    text = not_null.definition.removeprefix("NOT NULL ")
    return server.plain(text.removesuffix(" NO INHERIT")) == server.plain(column)


def _using_index(asked: Asked, table: d.Relation, there: d.Constraint, using: re.Match[str], what: str) -> Probe:
    """Compare without the index's columns: they have been compared where the index was made, and stay as they are."""
    server, name = asked.server, asked["name"]

    def build() -> d.Constraint | None:
        dummy = server.dummy(table.name, ['"a"'])
        temporary = server.temporary(table)
        server.run(f"CREATE UNIQUE INDEX {using['index']} ON {temporary} (a)")
        server.run(f"ALTER TABLE {temporary} ADD CONSTRAINT {name} {asked['definition']}")
        return server.constraint(dummy, name)

    wanted = server.built(build)
    same = wanted is not None and (there.kind, there.deferrable) == (wanted.kind, wanted.deferrable)
    return Probe(Verdict.DONE if same else Verdict.DIFFERS, what, _text(there), asked["definition"])


def foreign_key(
    asked: Asked, table: d.Relation, name: str, columns: str, to: str, to_columns: str, options: str, before: str = ""
) -> Probe:
    """Compare foreign keys. A temporary table cannot point to a permanent one, so both are made again; only the names
    of their columns count.

    :param before: what the query wants beside the key.
    """
    server = asked.server
    what = f"The constraint {name} of {asked['table']}"
    text = f"{before} FOREIGN KEY {columns} REFERENCES {to} ({to_columns}){options}".strip()
    there = server.constraint(table, name)
    if there is None:
        return Probe(Verdict.DIFFERS, what, "a column without it", text) if before else Probe(Verdict.ABSENT, what)
    target = server.full_name(to)

    def build() -> d.Constraint | None:
        parent = "zero_downtime_target" if table.name != "zero_downtime_target" else "zero_downtime_other"
        server.dummy(parent, _split(to_columns), f"UNIQUE ({to_columns})")
        dummy = server.dummy(table.name, _split(columns[1:-1]))
        references = f"FOREIGN KEY {columns} REFERENCES pg_temp.{parent} ({to_columns}){options}"
        server.run(f"ALTER TABLE {server.temporary(table)} ADD CONSTRAINT {name} {references}")
        return server.constraint(dummy, name)

    wanted = server.built(build)
    if wanted is None:
        return Probe(Verdict.DIFFERS, what, _text(there), text)
    wanted = wanted._replace(target=target)
    same = (there.kind, str(there)) == (wanted.kind, str(wanted)) and (there.valid or not wanted.valid)
    return Probe(Verdict.DONE if same else Verdict.DIFFERS, what, _text(there), _text(wanted))


def _split(names: str) -> list[str]:
    return re.findall(NAME, names)


@form(rf"(?:SET CONSTRAINTS {PATH} IMMEDIATE; )?{TABLE}DROP CONSTRAINT (?:IF EXISTS )?(?P<name>{NAME})")
def drop_constraint(asked: Asked) -> Probe:
    table = asked.server.table(asked["table"])
    is_gone = table is not None and asked.server.constraint(table, asked["name"]) is None
    return gone(is_gone, f"The constraint {asked['name']} of {asked['table']}")


@form(rf"{TABLE}RENAME CONSTRAINT (?P<old>{NAME}) TO (?P<new>{NAME})")
def rename_constraint(asked: Asked) -> Probe:
    what = f"The constraint {asked['new']} of {asked['table']}, so far {asked['old']}"
    table = asked.server.table(asked["table"])
    found = {x.name: _text(x) for x in asked.server.constraints(table)} if table else {}
    return renamed(what, found.get(asked.server.plain(asked["old"])), found.get(asked.server.plain(asked["new"])))


@form(rf"{TABLE}VALIDATE CONSTRAINT (?P<name>{NAME})")
def validate(asked: Asked) -> Probe:
    """Report the validation as absent: it can safely be repeated."""
    return Probe(Verdict.ABSENT, f"The constraint {asked['name']} of {asked['table']}")
