"""One judgement: the column itself, the two types, and what depends on the column."""

from __future__ import annotations

from collections.abc import Iterator

from . import dependents
from .casts import TIMESTAMP, TIMESTAMPTZ, Conversion
from .column import Column, Fetch, ask, ask_typmod
from .effect import Effect, Gone, TypeChange
from .narrowing import fits
from .widening import keeps_values

IDENTITY_TYPES = frozenset({20, 21, 23})  # bigint, smallint, integer


def judge(
    fetch: Fetch,
    table: str,
    column: str,
    new_type: str,
    collation: str | None,
    using: bool,
    gone: Gone = Gone(),  # noqa: B008
) -> TypeChange | None:
    """Judge ``ALTER TABLE table ALTER COLUMN column TYPE new_type [COLLATE collation] [USING column::new_type]``.

    :param table: quoted SQL text; ``search_path`` decides, as for the statement.
    :param column: plain name.
    :param collation: plain name, or quoted with its schema.
    :param gone: what is dropped before the statement runs.
    :returns: None if the table or column does not exist.
    """
    found = ask(fetch, table, column, new_type, collation)
    if found is None:
        return None
    if found.new_type is None or (collation is not None and found.new_collation is None):
        unknown = f"type {new_type}" if found.new_type is None else f"collation {collation}"
        return TypeChange(Effect.REWRITE, found.text, new_type, (f"the server does not know the {unknown} yet",))
    target = found.types.types[found.new_type]
    typmod = ask_typmod(fetch, new_type, target.typmod_in)
    new_collation = target.collation if found.new_collation is None else found.new_collation
    if (found.type, found.typmod, found.collation) == (found.new_type, typmod, new_collation):
        return TypeChange(Effect.NOTHING, found.text, new_type, ())
    reasons = list(judge_column(found, new_type, found.new_type, typmod, using))
    # An error needs no second question.
    if not any(effect is Effect.REFUSED for effect, _ in reasons):
        reasons += dependents.ask(fetch, found, column, found.new_type, new_collation, gone)
    effect = max((effect for effect, _ in reasons), key=lambda effect: effect.value, default=Effect.CATALOGUE)
    # Smaller reasons do not matter beside an error or a rewrite of everything.
    enough = effect if effect in (Effect.REFUSED, Effect.REWRITE) else Effect.SCAN
    because = dict.fromkeys(text for each, text in reasons if each.value >= enough.value)
    between = (found.types, found.type, found.typmod, found.new_type, typmod)
    keeps = keeps_values(*between)
    return TypeChange(effect, found.text, new_type, tuple(because), keeps, None if keeps else fits(*between))


def judge_column(column: Column, written: str, new_type: int, typmod: int, using: bool) -> Iterator[dependents.Reason]:
    """Yield the reasons that lie in the table and the two types alone."""
    if column.relation_kind == "f":
        yield Effect.REWRITE, "what a foreign table does is not known"
    elif column.relation_kind not in ("r", "p"):
        yield Effect.REFUSED, "it is not a table"
    if column.typed_table:
        yield Effect.REFUSED, "the table has the columns of a type"
    if column.inherited:
        yield Effect.REFUSED, "the column is inherited: its type is changed in the parent table"
    if column.identity and new_type not in IDENTITY_TYPES:
        yield Effect.REFUSED, "an identity column has an integer type"
    if column.generated and using:
        yield Effect.REFUSED, "a generated column takes no USING"
    if column.new_collation is not None and not column.types.types[new_type].collation:
        yield Effect.REFUSED, f"type {written} has no collations"
    match column.types.conversion(column.type, column.typmod, new_type, typmod, using, column.time_zone):
        case Conversion.IMPOSSIBLE:
            how = "even with USING" if using else "without USING"
            yield Effect.REFUSED, f"{column.text} cannot become {written} {how}"
        case Conversion.VALUES:
            bases = {column.types.base(column.type), column.types.base(new_type)}
            zone = f" (TimeZone is {column.time_zone})" if bases == {TIMESTAMP, TIMESTAMPTZ} else ""
            yield Effect.REWRITE, f"every value is converted from {column.text} to {written}{zone}"
