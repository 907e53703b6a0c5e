"""The forms of columns: ADD, DROP, RENAME, and ALTER COLUMN."""

from __future__ import annotations

import re

from . import descriptions as d
from .constraints import foreign_key
from .forms import COLUMN, NAME, NAMES, PATH, TABLE, Asked, Forms, Probe, Verdict, gone, renamed

form = Forms()

#: The form of sql_create_column_inline_fk, at the end of a definition.
INLINE_KEY = re.compile(
    rf" CONSTRAINT (?P<name>{NAME}) REFERENCES (?P<to>{PATH}) ?\((?P<to_columns>{NAMES})\)(?P<options>[^;']*)"
    rf"(?:; SET CONSTRAINTS .*)?$",
    re.S,
)
IN_SAME_STEP = re.compile(rf"{COLUMN}(?P<change>.*)", re.S)


@form(rf"{TABLE}ADD COLUMN (?:IF NOT EXISTS )?(?P<column>{NAME}) (?P<definition>.*)")
def add_column(asked: Asked) -> Probe:
    server, column = asked.server, asked["column"]
    what = f"The column {column} of {asked['table']}"
    table = server.table(asked["table"])
    there = server.columns(table).get(server.plain(column)) if table else None
    if table is None or there is None:
        return Probe(Verdict.ABSENT, what)
    key = INLINE_KEY.search(asked["definition"])
    definition = asked["definition"][: key.start()] if key else asked["definition"]
    constraints = server.constraints(table)

    def build() -> tuple[list[str], list[d.Constraint]]:
        copy = server.copy(table)
        name = server.temporary(table)
        server.run(f"ALTER TABLE {name} DROP COLUMN {column}")
        server.run(f"ALTER TABLE {name} ADD COLUMN {column} {definition}")
        made = [x for x in server.constraints(copy) if x.kind != "n"]
        texts = [server.columns(copy)[server.plain(column)]]
        for change in _changes(asked):
            server.run(f"ALTER TABLE {name} ALTER COLUMN {column} {change}")
            texts.append(server.columns(copy)[server.plain(column)])
        if "its own sequence" not in texts[0]:
            # The definition is read back as in a restored database: some expressions change in a dump.
            server.run(f"ALTER TABLE {name} DROP COLUMN {column}")
            server.run(f"ALTER TABLE {name} ADD COLUMN {column} {texts[0]}")
            texts.append(server.columns(copy)[server.plain(column)])
        return texts, made

    wanted = server.built(build)
    if wanted is None:
        return Probe(Verdict.DIFFERS, what, there, definition)
    texts, made = wanted
    missing = [x for x in made if not any(str(x) == str(y) for y in constraints)]
    shown = " ".join([texts[0], *map(str, made)])
    if there not in texts or missing:
        without = f", without {', '.join(map(str, missing))}" if missing else ""
        return Probe(Verdict.DIFFERS, what, there + without, shown)
    if key is None:
        return Probe(Verdict.DONE, what, there, shown)
    return foreign_key(asked, table, key["name"], f"({column})", key["to"], key["to_columns"], key["options"], shown)


def _changes(asked: Asked) -> list[str]:
    """Return the next changes of the column in the same step: Django drops the default of a Python field again."""
    found = [IN_SAME_STEP.match(sql) for sql in asked.then]
    own = (asked["table"], asked["column"])
    return [x["change"] for x in found if x and (x["table"], x["column"]) == own]


@form(rf"{TABLE}DROP COLUMN (?:IF EXISTS )?(?P<column>{NAME})")
def drop_column(asked: Asked) -> Probe:
    table = asked.server.table(asked["table"])
    is_gone = table is not None and asked.server.plain(asked["column"]) not in asked.server.columns(table)
    return gone(is_gone, f"The column {asked['column']} of {asked['table']}")


@form(rf"{TABLE}RENAME COLUMN (?P<old>{NAME}) TO (?P<new>{NAME})")
def rename_column(asked: Asked) -> Probe:
    what = f"The column {asked['new']} of {asked['table']}, so far {asked['old']}"
    table = asked.server.table(asked["table"])
    columns = asked.server.columns(table) if table else {}
    return renamed(what, columns.get(asked.server.plain(asked["old"])), columns.get(asked.server.plain(asked["new"])))


@form(rf"{COLUMN}ADD (?P<identity>GENERATED .* AS IDENTITY.*)")
def add_identity(asked: Asked) -> Probe:
    server, column = asked.server, asked["column"]
    what = f"The identity of {column} of {asked['table']}"
    table = server.table(asked["table"])
    there = server.columns(table).get(server.plain(column), "") if table else ""
    if table is None or ("GENERATED" not in there and " DEFAULT " not in there):
        return Probe(Verdict.ABSENT, what)

    def build() -> str:
        dummy = server.dummy(table.name, [column])
        server.run(f"ALTER TABLE {server.temporary(table)} ALTER COLUMN {column} SET NOT NULL")
        server.run(f"ALTER TABLE {server.temporary(table)} ALTER COLUMN {column} ADD {asked['identity']}")
        return server.columns(dummy)[server.plain(column)]

    wanted = (server.built(build) or asked["identity"]).removeprefix("integer ")
    return Probe(Verdict.DONE if there.endswith(f" {wanted}") else Verdict.DIFFERS, what, there, wanted)


@form(rf"{COLUMN}DROP IDENTITY")
def drop_identity(asked: Asked) -> Probe:
    table = asked.server.table(asked["table"])
    there = asked.server.columns(table).get(asked.server.plain(asked["column"])) if table else None
    return gone(
        there is not None and "AS IDENTITY" not in there, f"The identity of {asked['column']} of {asked['table']}"
    )


@form(rf"{COLUMN}(?:TYPE|SET|DROP) ")
def alter_column(asked: Asked) -> Probe:
    """Report the change as absent: it can safely be repeated."""
    return Probe(Verdict.ABSENT, f"The column {asked['column']} of {asked['table']}")
