"""Objects that Django forgets while the database keeps them, or knows while the database has none, and what the new
code then cannot do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...catalog.planned import PlannedCatalog
from ...findings import Origin
from ...naming import Names, quote
from ...places import Place
from ...planning.rule import Rule
from ...record import Row
from ...rules.forgotten_foreign_key import RULE as FORGOTTEN_FOREIGN_KEY
from ...rules.forgotten_not_null import RULE as FORGOTTEN_NOT_NULL
from ...rules.state_ahead import RULE as STATE_AHEAD
from ..whole_deployment import Judged, Result, assured
from .model_catalog import ModelCatalog
from .tables import Tables, tables_of

#: ``pg_constraint.confdeltype`` of the foreign keys that prevent the delete of what they point to.
STOPS_DELETES = ("a", "r")
#: Why a finding counts for less without a database.
NOT_ASKED = "without a database it is not known whether SQL outside of the migrations has made it"


class StateOnly(Row):
    """An object that the state alone loses or gets.

    :param table: as in SQL.
    :param column: its plain name; empty for a whole table.
    """

    place: Place
    table: str
    column: str = ""


def forgotten(place: Place, names: Names) -> Iterator[StateOnly]:
    """Yield what the state before an operation has, and the state after it lacks."""
    return _only_in(place.from_state, place.to_state, place, names)


def ahead(place: Place, names: Names) -> Iterator[StateOnly]:
    """Yield what the state after an operation has, and the state before it lacks."""
    return _only_in(place.to_state, place.from_state, place, names)


def _only_in(one: Any, other: Any, place: Place, names: Names) -> Iterator[StateOnly]:
    kept = {name for state in other.models.values() for name, _ in tables_of(state, names)}
    for key, state in one.models.items():
        if state is other.models.get(key) or not state.options.get("managed", True):
            continue
        yield from (StateOnly(place, name) for name, _ in tables_of(state, names) if name not in kept)
        if key in other.models:
            columns = _columns(one, key, names)
            left = _columns(other, key, names)
            table = tables_of(state, names)[0][0] if columns else ""
            yield from (StateOnly(place, table, column) for column in columns if column not in left)


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


def made_up(judged: Judged) -> Iterator[Result]:
    """Yield what a migration tells Django of, and what the database still lacks at the end of the deployment."""
    migration = judged.migration
    for each in judged.editor.ahead:
        last = judged.editor.last
        catalog = last.in_the_end()
        if Tables(last.state_after, last.old_code.scribe).knows(each.table, each.column or None):
            what = f"{quote(each.column)} of {each.table}" if each.column else each.table
            origin = Origin(app=migration.app_label, migration=migration.name, operation=each.place.path[0])
            if not _is_there(each, catalog):
                message = f"Django knows {what} from then on, and the database does not have it"
                found = STATE_AHEAD.found(message, each.table, origin, assured(judged, each.place))
                of_models = isinstance(catalog.today, ModelCatalog)
                yield each.place, found.not_refused(NOT_ASKED) if of_models else found


def _is_there(each: StateOnly, catalog: PlannedCatalog) -> bool:
    """Return whether the database will have it; True as well where the user's own SQL may make it."""
    projection = catalog.projection
    if projection.own_sql_names(each.column or catalog.names.plain(each.table)):
        return True
    if projection.is_new(each.table):
        # The columns with which a table is made are not known one by one.
        return True
    if not each.column:
        return catalog.exists(each.table) and each.table not in projection.dropped_tables
    if not projection.live_column(each.table, each.column):
        return True
    if projection.is_gone(each.table, each.column):
        return False
    return catalog.column(each.table, each.column) is not None


def _in_the_way(each: StateOnly, catalog: PlannedCatalog, writes: bool) -> Iterator[tuple[Rule, str]]:
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


def _fails_insert(each: StateOnly, catalog: PlannedCatalog) -> bool:
    today, projection = catalog.column(each.table, each.column), catalog.projection
    if today is None or projection.own_sql_names(each.column):
        return False
    planned = projection.column(each.table, each.column)
    default = today.has_default if planned.has_default is None else planned.has_default
    return planned.is_not_null(today.not_null) and not default and not today.identity
