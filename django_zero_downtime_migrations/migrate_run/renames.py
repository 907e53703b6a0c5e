"""What a plain RenameField renames, and what keeps a view from having the old name."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from ..catalog.planned import PlannedCatalog
from ..ddl import statements as s
from ..django_types import Connection, Field, Model, StateApps
from ..errors import CannotMigrate
from ..naming import PURPOSE_OF_RENAMED, Names, plain_table, quote
from ..server import names_of
from . import removals


class Renamed(NamedTuple):
    """A column that gets another name. :param table: as it is written in SQL. The names are plain ones."""

    table: str
    old: str
    new: str


def of_fields(model: Model, old: Any, new: Any, names: Names) -> Renamed | None:
    """:param old: the field. :param new: the same after it. None where no column gets another name."""
    if not (old.column and new.column):
        return None
    found = Renamed(names.as_sql(model._meta.db_table), removals.column(old, names), removals.column(new, names))
    return found if found.old != found.new else None


def owed(operation: Any, app_label: str, apps: StateApps, connection: Connection) -> removals.Stays | None:
    """What a RenameField may owe. :param apps: of the state before it."""
    model = apps.get_model(app_label, operation.model_name)
    field: Field = model._meta.get_field(operation.old_name)
    names = names_of(connection)
    return stays(names.as_sql(model._meta.db_table), removals.column(field, names)) if field.column else None


def stays(table: str, old: str) -> removals.Stays:
    return removals.Stays((table,), old, s.RENAMED)


def hidden(table: str, catalog: PlannedCatalog) -> str:
    """What a table is called while a view has its name."""
    return catalog.beside(table, quote(catalog.names.temporary(plain_table(table), PURPOSE_OF_RENAMED)))


def own_name(table: str) -> str:
    """A table's own name in SQL, without its schema."""
    return quote(plain_table(table))


def refuse_what_cannot_be_shown(owed_by: str, renamed: Renamed, pairs: s.Pairs, catalog: PlannedCatalog) -> None:
    """:param owed_by: the operation, by its name. :param pairs: what the view shows already.

    :raises CannotMigrate: when something would not work with a view in the place of the table.
    """
    table = renamed.table
    name = catalog.names.temporary(plain_table(table), PURPOSE_OF_RENAMED)
    reasons = [] if catalog.shown(table) else list(catalog.against_a_view(table))
    if not catalog.shown(table) and catalog.name_taken(table, name, relations=True):
        reasons.append(f"there is a {quote(name)} already, as the table would be called")
    taken = {renamed.old, renamed.new} & {x for pair in pairs for x in pair}
    reasons += [f"the view has the name {quote(x)} already, of a rename that is owed" for x in sorted(taken)]
    if reasons:
        raise CannotMigrate(
            f"With EXPAND_CONTRACT {owed_by} puts a view in the place of {table} for the code that knows "
            f"{quote(renamed.old)}, and that would not do: {'; '.join(reasons)}. Keep the name of the column "
            '(db_column), or, where no old code runs, put the operation into SafetyAssured([...], reason="..."), or '
            'migrate with OLD_CODE = "absent".'
        )


def refuse_behind_a_view(needed: Collection[str], owed: Iterable[tuple[str, tuple[str, ...], str]]) -> None:
    """:param needed: the tables that statements are about.

    :raises CannotMigrate: when a view is in the place of one of them.
    """
    for owed_by, tables, column in owed:
        if any(table in needed for table in tables):
            raise CannotMigrate(
                f"{owed_by} has put a view in the place of {tables[0]} for the code that knows {quote(column)}, and "
                "this operation needs the table. manage.py contract --list says what is waited for; when no old code "
                f"runs, manage.py contract {owed_by} --now REASON makes it the table again, and so does a migrate with "
                'OLD_CODE = "absent". In the migration of the rename, put the operation before it.'
            )
