"""The names that RenameField, RenameModel and AlterModelTable change, and obstacles to a view with the old name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db.backends.utils import truncate_name

from ..catalog.planned import PlannedCatalog
from ..catalog.records import Constraint
from ..catalog.shown import hidden_name
from ..ddl import statements as s
from ..django_types import Connection, Model, StateApps
from ..errors import CannotMigrate
from ..naming import LONGEST, plain_table, quote
from ..server import names_of
from . import removals

#: The operations that rename something.
OPERATIONS = ("RenameField", "RenameModel", "AlterModelTable")


def owed(operation: Any, app_label: str, apps: StateApps, connection: Connection) -> removals.Stays | None:
    """Return what one of :data:`OPERATIONS` may owe.

    :param apps: the state before the operation.
    """
    names = names_of(connection)
    of_field = type(operation).__name__ == "RenameField"
    model = apps.get_model(app_label, operation.model_name if of_field else operation.name)
    if not model._meta.can_migrate(connection):
        return None
    if of_field:
        field: Any = model._meta.get_field(operation.old_name)
        if removals.has_column(field, connection):
            table = names.as_sql(model._meta.db_table)
            return removals.Stays((table,), removals.column(field, names), s.RENAMED)
        found = _through([field])
    else:
        found = _of_model(operation, app_label, model)
    tables = tuple(dict.fromkeys(names.as_sql(x._meta.db_table) for x in found))
    return removals.Stays(tables, "", s.RENAMED) if tables else None


def _of_model(operation: Any, app_label: str, model: Model) -> list[Any]:
    """Return the models whose tables, or whose columns, get another name."""
    meta = model._meta
    if type(operation).__name__ == "AlterModelTable":
        default = truncate_name(f"{app_label}_{meta.model_name}", LONGEST)
        return [model, *_through(meta.local_many_to_many)] if (operation.table or default) != meta.db_table else []
    if operation.old_name.lower() == operation.new_name.lower():
        return []
    own = [] if meta.proxy or meta.original_attrs.get("db_table") else [model]
    others = [x.field for x in meta.related_objects if x.field.many_to_many]
    return [*own, *_through([*others, *meta.local_many_to_many], also_named=True)]


def _through(fields: Iterable[Any], also_named: bool = False) -> list[Any]:
    """Return the models of the tables that Django makes for ManyToManyFields.

    :param also_named: include tables whose name was given: they have columns that are named for models.
    """
    found = [x.remote_field.through for x in fields if x.many_to_many and (also_named or not x.db_table)]
    return [x for x in found if x._meta.auto_created]


def hidden(table: str, catalog: PlannedCatalog) -> str:
    """Return the name of a table while a view has its own name."""
    return catalog.beside(table, quote(hidden_name(table, catalog.names)))


def own_name(table: str) -> str:
    """Return a table's own name in SQL, without its schema."""
    return quote(plain_table(table))


def with_renamed_checks(made: Sequence[s.Statement], there: Sequence[Constraint]) -> list[s.Statement]:
    """Rename the check of a field whose column gets another name. Django 4.2 drops it and makes it again.

    :param there: the constraints of the table.
    """
    result = list(made)
    for column in (x for x in made if isinstance(x, s.RenameColumn)):
        for drop in (x for x in made if type(x) is s.DropConstraint and x.table == column.table):
            live = next((x for x in there if x.kind == "c" and x.valid and quote(x.name) == drop.name), None)
            add = next((x for x in made if isinstance(x, s.AddCheck) and live and _is_same(x, column, live)), None)
            if add is not None and drop in result:
                sql = f"ALTER TABLE {drop.table} RENAME CONSTRAINT {drop.name} TO {add.name}"
                renamed = s.RenameConstraint(sql=sql, table=drop.table, name=drop.name, new_name=add.name, kind="check")
                result = [renamed if x is add else x for x in result if x is not drop]
    return result


def _is_same(add: s.AddCheck, column: s.RenameColumn, live: Constraint) -> bool:
    """Return whether a check is the same as before, under the column's new name."""
    before = add.check.replace(column.new_column, column.column)
    bare = [re.sub(r'[()"\s]', "", x) for x in (before, live.definition.removeprefix("CHECK"))]
    return add.table == column.table and bare[0] == bare[1]


def refuse_what_cannot_be_shown(owed_by: str, shown: s.ShowBoth, before: s.Pairs, catalog: PlannedCatalog) -> None:
    """Refuse a rename whose old name a view cannot keep.

    :param owed_by: the operation, by its name.
    :param before: what the view shows already.
    :raises CannotMigrate: when something would not work with a view in the place of the table.
    """
    table = shown.table
    reasons = [] if before else list(catalog.against_a_view(shown.like or table))
    if shown.moves and not before and catalog.name_taken(table, plain_table(shown.hidden), relations=True):
        reasons.append(f"there is a {own_name(shown.hidden)} already, as the table would be called")
    known = [name for pair in before for name in pair]
    taken = {name for pair in shown.pairs if pair not in before for name in pair if name in known}
    reasons += [f"the view has the name {quote(x)} already, of a rename that is owed" for x in sorted(taken)]
    if reasons:
        raise CannotMigrate(
            f"With EXPAND_CONTRACT {owed_by} gives the name {table} to a view, for the code that knows old names, and "
            f"that would not do: {'; '.join(reasons)}. Keep the names in the database (db_column, db_table), or, where "
            'no old code runs, put the operation into SafetyAssured([...], reason="..."), or migrate with OLD_CODE = '
            '"absent".'
        )


def refuse_behind_a_view(needed: Collection[str], owed: Iterable[tuple[str, removals.Stays]]) -> None:
    """Refuse statements on a table whose name belongs to a view.

    :param needed: the tables that the statements are about.
    :raises CannotMigrate: when a view is in the place of one of them.
    """
    for owed_by, (tables, column, _) in owed:
        if any(table in needed for table in tables):
            raise CannotMigrate(
                f"{owed_by} has given the name {', '.join(tables)} to a view, for the code that knows "
                f"{quote(column) if column else 'it'}, and this operation needs the table. manage.py contract --list "
                f"says what is waited for; when no old code runs, manage.py contract {owed_by} --now REASON makes it "
                'the table again, or takes it away, and so does a migrate with OLD_CODE = "absent". In the migration '
                "of the rename, put the operation before it."
            )
