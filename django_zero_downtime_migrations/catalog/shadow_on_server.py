"""A :class:`~.shadow.Shadow`, asked of the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..naming import quote
from ..printable import printable
from ..server import capabilities
from ..type_changes.column import quoted
from .asking import REFUSED, Asking, Row
from .shadow import Shadow, ShadowCheck, ShadowIndex, ShadowSequence, ShadowStatistics, Wanted


def shadow_of(catalog: Asking, table: str, wanted: Wanted) -> Shadow | None:
    """Ask the server; None if the column does not exist.

    A temporary table is made and rolled back: it locks the table as a SELECT does.
    """
    found = catalog.rows("shadow_column", [table, wanted.column])
    if not found:
        return None
    facts = dict(found[0])
    grants = [_grant(wanted.name, table, *each) for each in facts.pop("grants")]
    spares = _may_spare_triggers(catalog)
    obstacles = [row["text"] for row in catalog.rows("shadow_obstacles", [wanted.column, table, spares])]
    if obstacles:
        # The server may refuse the copy with one of them.
        return Shadow(type=wanted.type, why_not=tuple(obstacles))
    try:
        # An identity's sequence gets other bounds on a copy than ALTER COLUMN … TYPE gives to the table's own.
        copied = f"(LIKE {table} INCLUDING ALL EXCLUDING IDENTITY)"
        made = catalog.on_probe(copied, lambda probe: _made(catalog, table, probe, wanted))
    except REFUSED as error:
        refused = printable(str(error).strip().splitlines()[0])
        return Shadow(type=wanted.type, why_not=(f"the server refuses it on a temporary copy of the table: {refused}",))
    fires = bool(catalog.rows("shadow_triggers", [table])[0]["exists"])
    sequences = catalog.rows("shadow_sequences", [wanted.column, table])
    texts = {
        "not_null_name": facts["not_null_name"] or "",
        "options": tuple(facts["options"] or ()),
        "grants": tuple(grants),
        "sequences": tuple(map(_sequence, sequences)),
        "spares_triggers": fires,
    }
    return made.named(**facts | texts)


def _may_spare_triggers(catalog: Asking) -> bool:
    """Return whether the role may set session_replication_role; from PostgreSQL 15 on the privilege can be granted."""
    if capabilities(catalog.connection).grants_parameters:
        # Not among the questions of shadow.sql: PostgreSQL 14 does not know the function.
        right = "SELECT pg_catalog.has_parameter_privilege('session_replication_role', 'SET')"
        return bool(catalog.fetch(right, [])[0][0])
    (row,) = catalog.rows("is_superuser", [])
    return any(row.values())


def _grant(column: str, table: str, privilege: str, grantee: str, option: str) -> str:
    return f"GRANT {privilege} ({quote(column)}) ON TABLE {table} TO {grantee}{option}"


def _sequence(row: Row) -> ShadowSequence:
    name = row["name"]
    revokes = [f"REVOKE ALL ON SEQUENCE {name} FROM {role}" for role in row["revoked"]]
    grants = [f"GRANT {privilege} ON SEQUENCE {name} TO {role}{option}" for privilege, role, option in row["grants"]]
    return ShadowSequence(name, row["kind"], row["options"], row["comment"], (*revokes, *grants))


def _made(catalog: Asking, table: str, probe: str, wanted: Wanted) -> Shadow:
    """Return the column on a copy of the table, whose indexes and so on have the same order as the table's own."""
    column = wanted.column
    indexes = catalog.rows("shadow_indexes", [column, table])
    statistics = catalog.rows("shadow_statistics", [column, table])
    copies = [row["name"] for row in catalog.rows("shadow_indexes", [column, probe])]
    copied_statistics = [row["name"] for row in catalog.rows("shadow_statistics", [column, probe])]
    checks = catalog.rows("shadow_checks", [column, table])
    _change(catalog, probe, wanted)
    new = {row["name"]: row for row in catalog.rows("shadow_indexes", [wanted.name, probe])}
    new_statistics = {row["name"]: row for row in catalog.rows("shadow_statistics", [wanted.name, probe])}
    new_checks = {row["name"]: row["definition"] for row in catalog.rows("shadow_checks", [wanted.name, probe])}
    (kind,) = catalog.rows("shadow_type", [probe, wanted.name])
    return Shadow(
        type=kind["type"],
        collation=kind["collation"] or "",
        collatable=kind["collatable"],
        default=kind["default"] or "",
        indexes=tuple(_indexes(_pairs(indexes, copies, new), wanted)),
        checks=tuple(
            ShadowCheck(row["name"], new_checks[row["name"]], row["comment"])
            for row in checks
            if row["touches"] and row["name"] not in wanted.dropped
        ),
        statistics=tuple(
            ShadowStatistics(row["schema"], row["name"], _between(copy), row["target"], row["comment"])
            for row, copy in _pairs(statistics, copied_statistics, new_statistics)
            if row["touches"]
        ),
    )


def _change(catalog: Asking, probe: str, wanted: Wanted) -> None:
    column, collation = quote(wanted.column), f" COLLATE {quoted(wanted.collation)}" if wanted.collation else ""
    using = f"USING {column}::{wanted.type}{collation}"
    with catalog.connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {probe} ALTER COLUMN {column} TYPE {wanted.type}{collation} {using}", None)
        cursor.execute(f"ALTER TABLE {probe} RENAME COLUMN {column} TO {quote(wanted.name)}", None)


def _pairs(rows: Sequence[Row], copies: Sequence[str], new: dict[str, Row]) -> Iterable[tuple[Row, Row]]:
    return ((row, new[copy]) for row, copy in zip(rows, copies, strict=True))


def _indexes(pairs: Iterable[tuple[Row, Row]], wanted: Wanted) -> Iterable[ShadowIndex]:
    for row, copy in pairs:
        if row["touches"] and row["name"] not in wanted.dropped:
            of_copy = {"definition": _definition(copy), "predicate": copy["predicate"]}
            yield ShadowIndex(**{name: row[name] for name in ShadowIndex._fields} | of_copy)


def _definition(copy: Row) -> str:
    """Return what follows the table in CREATE INDEX, without the predicate."""
    return _inside(copy, " USING ", copy["predicate"])


def _between(copy: Row) -> str:
    """Return what follows the name in CREATE STATISTICS, up to the table."""
    return _inside(copy, " ", copy["tail"])


def _inside(copy: Row, begin: str, tail: str) -> str:
    """Return a part of a definition by the server, without what stands before and after.

    :param begin: the beginning of the definition.
    """
    definition: str = copy["definition"]
    head = next(head for head in copy["heads"] if definition.startswith(f"{head}{begin}"))
    assert definition.endswith(tail), definition
    return definition[len(head) : len(definition) - len(tail)]
