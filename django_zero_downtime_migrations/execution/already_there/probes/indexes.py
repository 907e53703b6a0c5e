"""The forms of indexes, and of objects without columns: sequences, triggers."""

from __future__ import annotations

from . import descriptions as d
from .forms import NAME, PATH, Asked, Forms, Probe, Verdict, gone, renamed
from .server import sibling

form = Forms()

_PARENT = "SELECT inhparent::bigint FROM pg_catalog.pg_inherits WHERE inhrelid = %s::pg_catalog.oid"
_TRIGGER = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = pg_catalog.to_regclass(%s)::pg_catalog.oid AND tgname = %s
)
"""
_SAME_TRIGGER = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND pg_catalog.pg_get_triggerdef(oid) = %s)
"""


@form(
    rf"CREATE (?P<unique>UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?(?P<name>{NAME}) "
    rf"ON (?P<only>ONLY )?(?P<table>{PATH})(?P<rest>.*)"
)
def create_index(asked: Asked) -> Probe:
    server, name = asked.server, asked["name"]
    what = f"The index {name} of {asked['table']}"
    table = server.table(asked["table"])
    relation = server.beside(table, name) if table else None
    if table is None or relation is None:
        return Probe(Verdict.ABSENT, what)
    there = server.index(relation)
    if there is None:
        return Probe(Verdict.DIFFERS, what, f"a {relation}", f"an index{asked['rest']}")

    def build() -> list[str]:
        copy = server.temporary(server.copy(table))
        made = f"pg_temp.{name}"
        server.run(f"CREATE {asked['unique']}INDEX {name} ON {copy}{asked['rest']}")
        index = _described(asked, made)
        # The definition is read back as in a restored database: some expressions change in a dump.
        server.run(f"DROP INDEX {made}")
        server.run(index.on(copy))
        return [str(index), str(_described(asked, made)._replace(extra=index.extra))]

    wanted = server.built(build)
    if wanted is None:
        return Probe(Verdict.DIFFERS, what, str(there), f"an index{asked['rest']}")
    verdict = Verdict.DONE if there.table == table.oid and str(there) in wanted else Verdict.DIFFERS
    if verdict is Verdict.DONE and not there.valid and not asked["only"]:
        # An index on a partitioned table alone stays INVALID until its parts are attached.
        verdict = Verdict.INVALID
    return Probe(verdict, what, str(there), wanted[0])


def _described(asked: Asked, name: str) -> d.Index:
    relation = asked.server.relation(name)
    index = asked.server.index(relation) if relation else None
    assert index is not None
    return index


@form(rf"DROP INDEX (?:CONCURRENTLY )?(?:IF EXISTS )?(?P<name>{PATH})")
def drop_index(asked: Asked) -> Probe:
    return gone(asked.server.relation(asked["name"]) is None, f"The index {asked['name']}")


@form(rf"ALTER INDEX (?P<old>{PATH}) RENAME TO (?P<new>{NAME})")
def rename_index(asked: Asked) -> Probe:
    server = asked.server
    new = server.relation(sibling(asked["old"], asked["new"]))
    old = server.relation(asked["old"])
    what = f"The index {asked['new']}, so far {asked['old']}"
    index = server.index(new) if new else None
    table = server.table(asked.table) if asked.table else None
    if new and (index is None or (table and index.table != table.oid)):
        return Probe(Verdict.DIFFERS, what, str(index or f"a {new}"), f"{asked['old']}, under the new name")
    return renamed(what, str(server.index(old)) if old else None, str(index) if index else None)


@form(rf"ALTER INDEX (?P<parent>{PATH}) ATTACH PARTITION (?P<part>{PATH})")
def attach(asked: Asked) -> Probe:
    server, what = asked.server, f"The part {asked['part']} of the index {asked['parent']}"
    parent, part = server.relation(asked["parent"]), server.relation(asked["part"])
    rows = server.fetch(_PARENT, part.oid) if part else []
    if parent is None or not rows:
        return Probe(Verdict.ABSENT, what)
    if rows[0][0] == parent.oid:
        return Probe(Verdict.DONE, what)
    other = server.fetch("SELECT %s::pg_catalog.oid::pg_catalog.regclass::pg_catalog.text", rows[0][0])[0][0]
    return Probe(Verdict.DIFFERS, what, f"a part of {other}", f"a part of {asked['parent']}")


@form(rf"DROP SEQUENCE (?:IF EXISTS )?(?P<name>{PATH})")
def drop_sequence(asked: Asked) -> Probe:
    return gone(asked.server.relation(asked["name"]) is None, f"The sequence {asked['name']}")


@form(rf"ALTER SEQUENCE (?:IF EXISTS )?(?P<name>{PATH}) AS ")
def alter_sequence(asked: Asked) -> Probe:
    """Report the change as absent: it can safely be repeated."""
    return Probe(Verdict.ABSENT, f"The sequence {asked['name']}")


@form(rf"DROP TRIGGER (?:IF EXISTS )?(?P<name>{NAME}) ON (?P<table>{PATH})")
def drop_trigger(asked: Asked) -> Probe:
    what = f"The trigger {asked['name']} of {asked['table']}"
    there = asked.server.fetch(_TRIGGER, asked["table"], asked.server.plain(asked["name"]))[0][0]
    return gone(asked.server.table(asked["table"]) is not None and not there, what)


@form(r"(?P<sql>CREATE (?:CONSTRAINT )?TRIGGER .*)")
def create_trigger(asked: Asked) -> Probe:
    """Compare texts: the query is the definition that the server gave before the trigger was dropped."""
    there = asked.server.fetch(_SAME_TRIGGER, asked["sql"])[0][0]
    return Probe(Verdict.DONE if there else Verdict.ABSENT, "A trigger", asked["sql"] if there else "", asked["sql"])
