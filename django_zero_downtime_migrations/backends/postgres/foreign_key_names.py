"""Names of foreign keys that Django makes at the end of a migration, after the tables may have got other names."""

from __future__ import annotations

from typing import Any

from django.db.backends.ddl_references import ForeignKeyName as DjangoForeignKeyName
from django.db.backends.ddl_references import TableColumns
from django.db.backends.utils import split_identifier

from ...django_types import Model


class ForeignKeyName(DjangoForeignKeyName):
    """A foreign key's name with the referenced table as ``db_table`` has it; its bare name goes into the key's name.

    Django keeps the bare name alone. A table that is renamed to a name in quotes then puts the quotes into the key's
    name, and a table that is renamed from such a name, or deleted, is not found.
    """

    def __str__(self) -> str:
        target = self.to_reference
        names = {"to_table": split_identifier(target.table)[1], "to_column": target.columns[0]}
        return str(self.create_fk_name(self.table, self.columns, self.suffix_template % names))


class NamesForeignKeys:
    """The editor's methods for these names. This class precedes any PostgreSQL schema editor."""

    def _fk_constraint_name(self, model: Model, field: Any, suffix: str) -> DjangoForeignKeyName:
        parent: Any = super()
        name: DjangoForeignKeyName = parent._fk_constraint_name(model, field, suffix)
        target = field.target_field
        own = ForeignKeyName(name.table, name.columns, "", [], name.suffix_template, name.create_fk_name)
        own.to_reference = TableColumns(target.model._meta.db_table, [target.column])
        return own
