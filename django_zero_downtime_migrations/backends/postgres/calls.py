"""The public methods of Django's editor whose statements make one plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import NOT_PROVIDED

from ...compat import deferred_params
from ...ddl.template import SQL
from ...django_types import Connection, Constraint, Field, Index, Model, Params
from ...log import logger
from ...migrate_run.progress import Call
from ...naming import Names
from ...server import names_of
from ...settings import MigrationSettings

if TYPE_CHECKING:
    from .early_indexes import EarlyIndexes

#: Methods of which only the statements matter.
CALLS = (
    "create_model",
    "delete_model",
    "remove_constraint",
    "alter_unique_together",
    "alter_index_together",
    "alter_db_table",
    "alter_db_table_comment",
    "alter_db_tablespace",
    "remove_field",
)
#: Methods that put nothing off to the end of the migration, and raise if they do not find what an earlier run removed.
ONLY_STATEMENTS = ("alter_unique_together", "alter_index_together")


#: Django's error for a constraint that it looks for by its columns, and that has been dropped.
NONE_FOUND = "Found wrong number (0)"


def _planned(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: object, **kwargs: object) -> Any:
        with self._planning(name, *args[:2]) as under_way:
            if under_way.past and name in ONLY_STATEMENTS:
                return None
            return getattr(super(Calls, self), name)(*args, **kwargs)

    call.__name__ = name
    return call


class Calls:
    """The methods of the editor that only record their statements while they run."""

    connection: Connection
    collect_sql: bool
    deferred_sql: list[Any]
    execute: Callable[..., None]
    treat_as_new: Callable[[str], bool]
    settings: MigrationSettings
    _planning: Callable[..., AbstractContextManager[Call]]
    _in_use: Callable[[str], bool]
    _own: Any
    _own_triggers = ""
    _passed: list[str] | None
    _early: EarlyIndexes
    _column_items: list[str]
    _old_types: dict[tuple[str, str], str]
    _keeps_default: Callable[[Field], bool]

    @cached_property
    def names(self) -> Names:
        """The spelling of names in the database."""
        return names_of(self.connection)

    def _iter_column_sql(
        self,
        column_db_type: str,
        params: Params,
        model: Model,
        field: Field,
        field_db_params: Any,
        include_default: bool,
    ) -> Iterable[str]:
        parent: Any = super()
        pieces = parent._iter_column_sql(column_db_type, params, model, field, field_db_params, include_default)
        return self._remembered(pieces, field) if self._passed is None else pieces

    def _remembered(self, pieces: Iterable[str], field: Field) -> Iterator[str]:
        # Imported here: most processes of a project migrate nothing, and on a new database nothing is planned.
        from ...ddl.statement import PYTHON_DEFAULT

        self._column_items = items = []
        goes_again = getattr(field, "db_default", NOT_PROVIDED) is NOT_PROVIDED and not self._keeps_default(field)
        for item in pieces:
            items.append(SQL(item, PYTHON_DEFAULT) if goes_again and item.startswith("DEFAULT ") else item)
            yield item

    def column_sql(self, model: Model, field: Field, include_default: bool = False) -> Any:
        """Return a column's definition. Django joins its pieces; ours remembers them."""
        parent: Any = super()
        sql, params = parent.column_sql(model, field, include_default)
        if self._passed is None and sql is not None and " ".join(self._column_items) == sql:
            sql = SQL.join(self._column_items, " ")
        return sql, params

    def add_index(self, model: Model, index: Index, concurrently: bool = False) -> None:
        parent: Any = super()
        with self._planning("add_index", model, index, alone=concurrently):
            parent.add_index(model, index, concurrently=concurrently)

    def remove_index(self, model: Model, index: Index, concurrently: bool = False) -> None:
        parent: Any = super()
        with self._planning("remove_index", model, index, alone=concurrently):
            parent.remove_index(model, index, concurrently=concurrently)

    def rename_index(self, model: Model, old_index: Index, new_index: Index) -> None:
        parent: Any = super()
        with self._planning("rename_index", model, new_index):
            parent.rename_index(model, old_index, new_index)

    def add_constraint(self, model: Model, constraint: Constraint) -> None:
        parent: Any = super()
        with self._planning("add_constraint", model, constraint):
            parent.add_constraint(model, constraint)

    def add_field(self, model: Model, field: Field) -> None:
        """Add a field, and build its indexes with it, not at the end of the migration: later operations may rely on
        them.
        """
        parent: Any = super()
        with self._planning("add_field", model, field) as call:
            before = list(self.deferred_sql)
            parent.add_field(model, field)
            table = self.names.as_sql(model._meta.db_table)
            if not call.past:
                call.early = not (field.many_to_many or self._own.of_caller) and self._in_use(table)
            if not call.early:
                return
            for sql in [x for x in self.deferred_sql if not any(x is y for y in before)]:
                self.deferred_sql.remove(sql)
                self._early.add(sql)
                self.execute(sql, deferred_params)

    def alter_field(self, model: Model, old_field: Field, new_field: Field, strict: bool = False) -> None:
        parent: Any = super()
        with self._planning("alter_field", model, new_field):
            parent.alter_field(model, old_field, new_field, strict)

    def _alter_field(self, model: Model, old_field: Field, new_field: Field, *args: object, **kwargs: object) -> None:
        """Record Django's ``alter_field`` of a column as one call, also if a subclass has bound Django's own."""
        parent: Any = super()
        with self._planning("alter_field", model, new_field):
            table = self.names.as_sql(model._meta.db_table)
            if new_field.column:
                column = self.names.as_sql(new_field.column)
                self._old_types[table, column] = old_field.db_parameters(self.connection)["type"] or ""
            # A new table's statements are not analysed: they may be Django's one ALTER TABLE of several actions.
            features = self.connection.features
            combined = features.supports_combined_alters
            features.supports_combined_alters = combined or not (self._own_triggers or self._in_use(table))
            try:
                parent._alter_field(model, old_field, new_field, *args, **kwargs)
            finally:
                features.supports_combined_alters = combined

    def _delete_composed_index(self, model: Model, *args: object) -> None:
        parent: Any = super()
        try:
            parent._delete_composed_index(model, *args)
        except ValueError as error:
            if not self.settings.idempotent_sql or NONE_FOUND not in str(error):
                raise
            logger.warning("%s of %s: gone already", args[0], model._meta.label)


for _name in CALLS:
    setattr(Calls, _name, _planned(_name))
