"""The judgement without a server: builtin.json has the types, casts and operator classes that every server has.

It is written from ``builtin.sql``, to which servers 14 to 18 give the same answer except for a few explicit casts. A
conversion that is not in it counts as a rewrite.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from ..record import Row
from . import dependents
from .casts import Cast, Conversion, Type, Types
from .column import modifiers_of, question
from .effect import Effect, TypeChange
from .narrowing import fits
from .widening import keeps_values

#: Spellings of the SQL standard, and the type of a column of a ``serial`` type.
ALIASES = {
    "bigint": "int8", "integer": "int4", "int": "int4", "smallint": "int2", "boolean": "bool", "decimal": "numeric",
    "double precision": "float8", "real": "float4", "character varying": "varchar", "character": "bpchar",
    "char": "bpchar", "bit varying": "varbit", "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp", "time with time zone": "timetz", "time without time zone": "time",
    "serial": "int4", "bigserial": "int8", "smallserial": "int2",
}  # fmt: skip
LENGTH_AND_HEADER = frozenset({"varchar", "bpchar"})
#: Index methods whose entries are not of the column's own type.
STORES_ANOTHER_TYPE = frozenset({"hash", "gin"})
POLYMORPHIC = {"anyarray": "A", "anyenum": "E", "anyrange": "R"}


class Use(Row):
    """An index or constraint that reads the column. ``opclass`` is empty for the default of its method.

    :param kind: ``index``, ``check`` or ``foreign key``.
    :param other_type: the type at the other end of a foreign key.
    """

    kind: str
    name: str
    method: str = "btree"
    opclass: str = ""
    key: bool = True
    predicate: bool = False
    expression: bool = False
    exclusion: bool = False
    other_type: str = ""


class OpClass(Row):
    method: str
    name: str
    type: str
    default: bool


class Builtin(Row):
    types: Types
    by_name: dict[str, int]
    names: dict[int, str]
    preferred: frozenset[int]
    classes: tuple[OpClass, ...]


@cache
def builtin() -> Builtin:
    data = json.loads(question("builtin.json"))
    types, by_name, preferred = {}, {}, set()
    for oid, name, kind, category, element, collation, is_preferred in data["types"]:
        types[oid] = Type(oid, kind, category, None, -1, element, False, collation, None)
        by_name[name] = oid
        if is_preferred:
            preferred.add(oid)
    casts = {(source, target): Cast(*rest) for source, target, *rest in data["casts"]}
    classes = tuple(OpClass(*row) for row in data["classes"])
    names = {oid: name for name, oid in by_name.items()}
    return Builtin(Types(types, casts), by_name, names, frozenset(preferred), classes)


def read(sql_type: str) -> tuple[int, int] | None:
    """The type and modifier that a column of this type has; None for one that is not the server's own."""
    bare = " ".join(re.sub(r"\([^()]*\)|\[\d*\]", " ", sql_type).lower().split())
    # Django does not write the field's own modifiers of an interval.
    name = ALIASES.get(bare, bare)
    modifiers = modifiers_of(sql_type)
    oid = builtin().by_name.get(f"_{name}" if "[" in sql_type else name)
    if oid is None or not all(re.fullmatch(r"-?\d+", modifier) for modifier in modifiers):
        return None
    return oid, _typmod(name, [int(modifier) for modifier in modifiers])


def _typmod(name: str, modifiers: list[int]) -> int:
    match name, modifiers:
        case _, []:
            return -1
        case "numeric", [precision, *scale]:
            return (precision << 16 | (scale[0] if scale else 0) & 0x7FF) + 4
        case "interval", [fields, *seconds]:
            return fields << 16 | (seconds[0] if seconds else 0xFFFF)
        case _ if name in LENGTH_AND_HEADER:
            return modifiers[0] + 4
    return modifiers[0]


def judge(
    old: str, old_collation: str, wanted: tuple[str, str | None, bool], identity: bool, uses: Iterable[Use]
) -> TypeChange:
    """Judge as ``judge.judge`` does, from the migrations alone.

    :param old: the column's type.
    :param uses: the objects that read it.
    """
    new, collation, using = wanted
    before, after = read(old), read(new)
    if before is None or after is None:
        if (old.lower(), old_collation) == (new.lower(), collation or ""):
            return TypeChange(Effect.NOTHING, old, new, ())
        unknown = old if before is None else new
        return TypeChange(Effect.REWRITE, old, new, (f"without a database nothing is known of the type {unknown}",))
    recollated = old_collation != (collation or "")
    if before == after and not recollated:
        return TypeChange(Effect.NOTHING, old, new, ())
    reasons = [*_of_types(before, after, old, new, using, identity)]
    if not any(effect is Effect.REFUSED for effect, _ in reasons):
        for use in uses:
            reasons += _of_use(use, before[0], after[0], recollated)
    effect = max((effect for effect, _ in reasons), key=lambda effect: effect.value, default=Effect.CATALOGUE)
    enough = effect if effect in (Effect.REFUSED, Effect.REWRITE) else Effect.SCAN
    because = dict.fromkeys(text for each, text in reasons if each.value >= enough.value)
    between = (builtin().types, *before, *after)
    keeps = keeps_values(*between)
    return TypeChange(effect, old, new, tuple(because), keeps, None if keeps else fits(*between))


def _of_types(
    before: tuple[int, int], after: tuple[int, int], old: str, new: str, using: bool, identity: bool
) -> Iterable[dependents.Reason]:
    types = builtin().types
    # The TimeZone of the session that will migrate is unknown: no zone makes timestamp and timestamptz the same.
    match types.conversion(before[0], before[1], after[0], after[1], using, ""):
        case Conversion.IMPOSSIBLE:
            how = "even with USING" if using else "without USING"
            yield Effect.REFUSED, f"{old} cannot become {new} {how}"
        case Conversion.VALUES:
            yield Effect.REWRITE, f"every value is converted from {old} to {new}"
    if identity and builtin().names[after[0]] not in ("int2", "int4", "int8"):
        yield Effect.REFUSED, "an identity column has an integer type"


def _of_use(use: Use, old: int, new: int, recollated: bool) -> Iterable[dependents.Reason]:
    name = f'"{use.name}"'
    if use.kind == "check":
        yield Effect.SCAN, f"CHECK constraint {name} is verified again"
    elif use.kind == "foreign key":
        other = read(use.other_type)
        if old != new and (other is None or _default_class("btree", old) != _default_class("btree", new)):
            yield Effect.SCAN, f"foreign key {name} is verified again, with locks on both tables"
    else:
        yield from _of_index(use, name, old, new, recollated)


def _of_index(use: Use, name: str, old: int, new: int, recollated: bool) -> Iterable[dependents.Reason]:
    if use.predicate:
        yield Effect.INDEX_REBUILD, f"index {name} has a predicate"
    if use.expression:
        yield Effect.INDEX_REBUILD, f"index {name} has an expression"
    if use.exclusion and old != new:
        yield Effect.INDEX_REBUILD, f"index {name} belongs to an exclusion constraint"
    if not use.key or use.expression:
        return
    default = _default_class(use.method, old)
    opclass = next((x for x in _accepted(use.method, old) if x.name == use.opclass), None) if use.opclass else default
    if opclass is None:
        yield Effect.INDEX_REBUILD, f"without a database nothing is known of the operator class of index {name}"
        return
    taken = _default_class(use.method, new) if opclass == default else None
    if taken is None and opclass in _accepted(use.method, new):
        taken = opclass
    if taken is None:
        yield Effect.REFUSED, f"index {name} has no operator class of {use.method} for the new type"
    elif taken != opclass:
        yield Effect.INDEX_REBUILD, f"index {name} needs another operator class than {opclass.name}"
    elif opclass.type in POLYMORPHIC and (old != new or use.method in STORES_ANOTHER_TYPE):
        yield Effect.INDEX_REBUILD, f"index {name} differs by the type, in operator class {opclass.name}"
    if recollated:
        yield Effect.INDEX_REBUILD, f"index {name} is sorted by the old collation"


def _accepted(method: str, oid: int) -> list[OpClass]:
    """Return the operator classes that take values of a type as they are."""
    known = builtin()
    name, kind = known.names[oid], known.types.types[oid]
    same = {name} | {
        known.names[target]
        for (source, target), cast in known.types.casts.items()
        if source == oid and (cast.method, cast.context) == ("b", "i")
    }
    return [
        x
        for x in known.classes
        if x.method == method and (x.type in same or (x.type in POLYMORPHIC and kind.category == POLYMORPHIC[x.type]))
    ]


def _default_class(method: str, oid: int) -> OpClass | None:
    known = builtin()

    def rank(opclass: OpClass) -> int:
        if opclass.type == known.names[oid]:
            return 2
        of = known.by_name.get(opclass.type)
        return (
            int(of in known.preferred and known.types.types[of].category == known.types.types[oid].category)
            if of
            else 0
        )

    candidates = [x for x in _accepted(method, oid) if x.default]
    best = max(map(rank, candidates), default=0)
    chosen = [x for x in candidates if rank(x) == best]
    return chosen[0] if len(chosen) == 1 else None


def always_known(kind: str) -> bool:
    """Return whether a type, as it stands in SQL, is the server's own: not a domain with a constraint."""
    return read(kind) is not None


__all__: Any = ["Use", "always_known", "builtin", "judge", "read"]
