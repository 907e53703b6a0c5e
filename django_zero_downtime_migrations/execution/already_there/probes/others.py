"""The forms that an online change of type needs besides tables, columns, constraints and indexes."""

from __future__ import annotations

from ....naming import quote
from .forms import NAME, PATH, TABLE, Asked, Forms, Probe, Verdict, gone, renamed
from .server import Server, sibling

form = Forms()

_FUNCTION = "SELECT pg_catalog.to_regprocedure(%s) IS NULL"
_DEFINITION = """
SELECT pg_catalog.pg_get_functiondef(p.oid), p.proowner = r.oid
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_roles r ON r.rolname = current_user
WHERE p.oid = pg_catalog.to_regprocedure(%s)::pg_catalog.oid
"""
_STATISTICS = """
SELECT pg_catalog.pg_get_statisticsobjdef(x.oid)
FROM pg_catalog.pg_statistic_ext x JOIN pg_catalog.pg_namespace n ON n.oid = x.stxnamespace
WHERE pg_catalog.quote_ident(n.nspname::pg_catalog.text) || '.' || pg_catalog.quote_ident(x.stxname::pg_catalog.text)
    = pg_catalog.array_to_string(ARRAY(
        SELECT pg_catalog.quote_ident(part) FROM pg_catalog.unnest(pg_catalog.parse_ident(%s)) part), '.')
"""


@form(rf"CREATE OR REPLACE TRIGGER (?P<name>{NAME}) ")
@form(rf"{TABLE}(?P<name>ENABLE ALWAYS TRIGGER|CLUSTER ON|REPLICA IDENTITY) ")
@form(rf"COMMENT ON (?:INDEX|STATISTICS|SEQUENCE) (?P<name>{PATH}) IS ")
@form(rf"COMMENT ON CONSTRAINT (?P<name>{NAME}) ON ")
@form(rf"ALTER STATISTICS (?P<name>{PATH}) SET STATISTICS ")
@form(rf"GRANT \w+ \((?P<name>{NAME})\) ON TABLE ")
@form(rf"(?:GRANT \w+|REVOKE ALL) ON SEQUENCE (?P<name>{PATH}) ")
@form(rf"ALTER SEQUENCE (?P<name>{PATH}) OWNED BY ")
@form(r"DO E?'DECLARE zdm_value (?P<name>)")
@form(rf"ANALYZE (?P<name>{PATH})")
def said_of_it_again(asked: Asked) -> Probe:
    """Report the change as absent: it can safely be repeated."""
    return Probe(Verdict.ABSENT, asked["name"])


@form(rf"CREATE FUNCTION (?P<name>{PATH})(?P<rest>\(\) .*)")
def create_function(asked: Asked) -> Probe:
    """Ask also for the function's owner, which has to be the role itself: another owner can change what it does."""
    server, what = asked.server, f"The function {asked['name']}"
    found = server.fetch(_DEFINITION, f"{asked['name']}()")
    if not found:
        return Probe(Verdict.ABSENT, what)
    (there, is_own) = found[0]

    def build() -> str:
        copy = f"pg_temp.{quote(server.plain(asked['name']))}"
        server.run(f"CREATE FUNCTION {copy}{asked['rest']}")
        return str(server.fetch(_DEFINITION, f"{copy}()")[0][0])

    wanted = server.built(build) or asked["rest"]
    # The first line has the name.
    same = is_own and wanted.partition("\n")[2] == there.partition("\n")[2]
    of_whom = "" if is_own else " (of another role)"
    return Probe(Verdict.DONE if same else Verdict.DIFFERS, what, there + of_whom, wanted)


@form(rf"DROP FUNCTION (?:IF EXISTS )?(?P<name>{PATH})\(\)")
def drop_function(asked: Asked) -> Probe:
    return gone(asked.server.fetch(_FUNCTION, f"{asked['name']}()")[0][0], f"The function {asked['name']}")


@form(rf"CREATE STATISTICS (?P<name>{PATH})(?P<definition> .*) FROM ")
def create_statistics(asked: Asked) -> Probe:
    what = f"The statistics object {asked['name']}"
    there = _statistics(asked.server, asked["name"])
    if there is None:
        return Probe(Verdict.ABSENT, what)
    # It was the server that has written it.
    same = f"{asked['definition']} FROM " in there
    return Probe(Verdict.DONE if same else Verdict.DIFFERS, what, there, asked["definition"].strip())


@form(rf"ALTER STATISTICS (?P<old>{PATH}) RENAME TO (?P<new>{NAME})")
def rename_statistics(asked: Asked) -> Probe:
    old, new = (_statistics(asked.server, name) for name in (asked["old"], sibling(asked["old"], asked["new"])))
    return renamed(f"The statistics object {asked['new']}, so far {asked['old']}", old, new)


def _statistics(server: Server, name: str) -> str | None:
    rows = server.fetch(_STATISTICS, name)
    return str(rows[0][0]) if rows else None
