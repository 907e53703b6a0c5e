"""Objects that Django forgets while the database keeps them, and what the new code then cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..catalog.planned import PlannedCatalog
from ..findings import Origin
from ..naming import Names, quote
from ..places import Place
from ..planning.rule import Rule
from ..record import Row
from ..rules.forgotten_foreign_key import RULE as FORGOTTEN_FOREIGN_KEY
from ..rules.forgotten_not_null import RULE as FORGOTTEN_NOT_NULL
from .tables import Tables, tables_of
from .whole_deployment import Judged, Result, assured

#: ``pg_constraint.confdeltype`` of the foreign keys that prevent the delete of what they point to.
STOPS_DELETES = ("a", "r")


class Forgotten(Row):
    """A forgotten object.

    :param table: as in SQL.
    :param column: its plain name; empty for a whole table.
    """

    place: Place
    table: str
    column: str = ""


def forgotten(place: Place, names: Names) -> Iterator[Forgotten]:
    """Yield what the state before an operation has, and the state after it lacks."""
    before, after = place.from_state, place.to_state
    kept = {name for state in after.models.values() for name, _ in tables_of(state, names)}
    for key, state in before.models.items():
        if state is after.models.get(key) or not state.options.get("managed", True):
            continue
        yield from (Forgotten(place, name) for name, _ in tables_of(state, names) if name not in kept)
        if key in after.models:
            columns = _columns(before, key, names)
            left = _columns(after, key, names)
            table = tables_of(state, names)[0][0] if columns else ""
            yield from (Forgotten(place, table, column) for column in columns if column not in left)


def _columns(state: Any, key: tuple[str, str], names: Names) -> list[str]:
    model = state.apps.get_model(*key)
    fields = () if model._meta.proxy else model._meta.local_concrete_fields
    return [names.plain(names.as_sql(field.column)) for field in fields if field.column]


def left_behind(judged: Judged) -> Iterator[Result]:
    """Yield what a migration has Django forget and what still blocks new code at the end of the deployment."""
    migration = judged.migration
    for each in judged.editor.forgotten:
        last = judged.editor.last
        catalog = last.in_the_end()
        after = Tables(last.state_after, last.old_code.scribe)
        gone = catalog.projection.is_gone(each.table, each.column) or after.knows(each.table, each.column or None)
        if not gone and not judged.editor.treat_as_new(each.table):
            origin = Origin(app=migration.app_label, migration=migration.name, operation=each.place.path[0])
            for rule, message in _in_the_way(each, catalog, writes=after.knows(each.table)):
                yield each.place, rule.found(message, each.table, origin, assured(judged, each.place))


def _in_the_way(each: Forgotten, catalog: PlannedCatalog, writes: bool) -> Iterator[tuple[Rule, str]]:
    """Yield the obstacles.

    :param writes: the code after the deployment has the table.
    """
    when = "when Django has forgotten it"
    if each.column and writes and _fails_insert(each, catalog):
        yield FORGOTTEN_NOT_NULL, f"{quote(each.column)} of {each.table} stays NOT NULL and without a default {when}"
    for key in catalog.constraints(each.table):
        of_it = key.kind == "f" and (not each.column or each.column in key.columns)
        if of_it and key.on_delete in STOPS_DELETES and not catalog.same_table(key.to_table, each.table):
            yield (
                FORGOTTEN_FOREIGN_KEY,
                f"{each.table} keeps its foreign key {quote(key.name)} to {key.to_table} {when}",
            )


def _fails_insert(each: Forgotten, catalog: PlannedCatalog) -> bool:
    today, projection = catalog.column(each.table, each.column), catalog.projection
    if today is None or projection.own_sql_names(each.column):
        return False
    planned = projection.column(each.table, each.column)
    default = today.has_default if planned.has_default is None else planned.has_default
    return planned.is_not_null(today.not_null) and not default and not today.identity
