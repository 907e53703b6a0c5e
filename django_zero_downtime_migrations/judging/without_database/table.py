"""The table of a Django model: columns, constraints and indexes, as migrations made them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from django.db import models
from django.db.backends.utils import split_identifier
from django.db.models import NOT_PROVIDED

from ...naming import CHECK, PRIMARY_KEY, UNIQUE, names_in, plain_table, unquote
from ...record import Row
from ...server import names_of

PATTERN_OPS = {"varchar": "varchar_pattern_ops", "text": "text_pattern_ops"}


class ConstraintOrIndex(Row):
    """A constraint or index. ``kind`` is ``pg_constraint.contype``, or ``i`` for an index of its own.

    ``columns`` is empty if it has expressions. ``touches``: every column that it reads. ``plain``: a btree over columns
    alone.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    touches: tuple[str, ...] = ()
    to_table: str = ""
    to_column: str = ""
    text: str = ""
    unique: bool = False
    plain: bool = True
    opclasses: tuple[str, ...] = ()
    method: str = "btree"
    predicate: bool = False
    deferrable: bool = False
    on_delete: str = "a"


class Column(Row):
    null: bool
    has_default: bool
    identity: bool
    generated: str
    type: str
    collation: str


class Table:
    """The table of one rendered model.

    :param scribe: a stock schema editor, asked for names and expressions.
    """

    def __init__(self, model: Any, scribe: Any) -> None:
        self.model = model
        self.scribe = scribe
        self.names = names_of(scribe.connection)
        self.name = self.names.as_sql(model._meta.db_table)

    @cached_property
    def columns(self) -> dict[str, Column]:
        return {self._plain(field.column): self._column(field) for field in self._fields}

    @property
    def _fields(self) -> list[Any]:
        return [field for field in self.model._meta.local_concrete_fields if field.column is not None]

    def _column(self, field: Any) -> Column:
        connection = self.scribe.connection
        parameters = field.db_parameters(connection=connection)
        return Column(
            null=field.null and not field.primary_key,
            has_default=getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED,
            identity="IDENTITY" in (field.db_type_suffix(connection) or ""),
            generated=self._generated(field),
            type=parameters["type"] or "",
            collation=parameters.get("collation") or "",
        )

    def _generated(self, field: Any) -> str:
        """Return the expression of a generated column."""
        if not getattr(field, "generated", False):
            return ""
        sql, params = field.generated_sql(self.scribe.connection)
        return str(sql % tuple(self.scribe.quote_value(value) for value in params))

    @cached_property
    def held(self) -> list[ConstraintOrIndex]:
        return [*self._of_fields(), *self._together(), *self._constraints(), *self._indexes()]

    def _of_fields(self) -> Iterator[ConstraintOrIndex]:
        table, make_object_name = plain_table(self.name), self.names.make_object_name
        keys = [field.column for field in getattr(self.model._meta, "pk_fields", ()) if field.column]
        primary_key = tuple(map(self._plain, keys))
        if len(primary_key) > 1:
            yield self._index("p", make_object_name(table, None, PRIMARY_KEY), primary_key, unique=True)
        for field in self._fields:
            column = (self._plain(field.column),)
            if field.primary_key:
                yield self._index("p", make_object_name(table, None, PRIMARY_KEY), column, unique=True)
            elif field.unique:
                yield self._index("u", make_object_name(table, *column, UNIQUE), column, unique=True)
            elif field.db_index:
                yield self._index("i", self._named((field.column,), ""), column)
            yield from self._like(field)
            yield from self._foreign_key(field)
            check = field.db_parameters(connection=self.scribe.connection)["check"]
            if check:
                name = make_object_name(table, *column, CHECK)
                yield ConstraintOrIndex(name, "c", column, column, text=str(check))

    def _like(self, field: Any) -> Iterator[ConstraintOrIndex]:
        kind = field.db_type(connection=self.scribe.connection) or ""
        opclass = next((ops for name, ops in PATTERN_OPS.items() if kind.startswith(name) and "[" not in kind), "")
        if opclass and (field.db_index or field.unique):
            column = (self._plain(field.column),)
            yield ConstraintOrIndex(self._named((field.column,), "_like"), "i", column, column, opclasses=(opclass,))

    def _foreign_key(self, field: Any) -> Iterator[ConstraintOrIndex]:
        if field.remote_field is None or not getattr(field, "db_constraint", False):
            return
        target = field.target_field
        _, table = split_identifier(target.model._meta.db_table)
        suffix = f"_fk_{table}_{target.column}"
        yield ConstraintOrIndex(
            self._named((field.column,), suffix),
            "f",
            (self._plain(field.column),),
            (self._plain(field.column),),
            to_table=self.names.as_sql(target.model._meta.db_table),
            to_column=self._plain(target.column),
            deferrable=True,
        )

    def _together(self) -> Iterator[ConstraintOrIndex]:
        meta = self.model._meta
        for names in meta.unique_together:
            yield self._index("u", self._named(self._written(names), "_uniq"), self._columns_of(names), unique=True)
        for names in getattr(meta, "index_together", ()):
            yield self._index("i", self._named(self._written(names), "_idx"), self._columns_of(names))

    def _constraints(self) -> Iterator[ConstraintOrIndex]:
        for constraint in self.model._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint):
                yield self._unique_constraint(constraint)
            elif isinstance(constraint, models.CheckConstraint):
                # This is its one method for the condition alone; the statement's own has the name in it as well.
                text = str(constraint._get_check_sql(self.model, self.scribe))  # type: ignore[attr-defined]
                columns = tuple(dict.fromkeys(names_in(text)))
                yield ConstraintOrIndex(self._plain(constraint.name), "c", columns, columns, text=text)
            else:
                yield ConstraintOrIndex(
                    self._plain(constraint.name), "x", (), tuple(self.columns), plain=False, method="gist"
                )

    def _unique_constraint(self, constraint: Any) -> ConstraintOrIndex:
        columns = self._columns_of(constraint.fields)
        include = self._columns_of(constraint.include or ())
        expressions = bool(constraint.expressions)
        # Django makes an index if a constraint cannot have these options.
        of_its_own = bool(constraint.condition or include or constraint.opclasses or expressions)
        return ConstraintOrIndex(
            self._plain(constraint.name),
            "i" if of_its_own else "u",
            columns,
            tuple(self.columns) if expressions or constraint.condition else (*columns, *include),
            unique=True,
            plain=not (constraint.condition or include or expressions),
            opclasses=tuple(constraint.opclasses or ()),
            predicate=bool(constraint.condition),
            deferrable=constraint.deferrable is not None,
        )

    def _indexes(self) -> Iterator[ConstraintOrIndex]:
        for index in self.model._meta.indexes:
            names = [name for name, _ in index.fields_orders]
            columns, include = self._columns_of(names), self._columns_of(index.include or ())
            expressions = bool(index.expressions)
            descending = any(order for _, order in index.fields_orders)
            yield ConstraintOrIndex(
                self._plain(index.name),
                "i",
                columns,
                tuple(self.columns) if expressions or index.condition else (*columns, *include),
                plain=not (index.condition or include or expressions or descending) and type(index) is models.Index,
                opclasses=tuple(index.opclasses or ()),
                method="btree" if type(index) is models.Index else getattr(index, "suffix", "btree"),
                predicate=bool(index.condition),
            )

    def _index(self, kind: str, name: str, columns: tuple[str, ...], unique: bool = False) -> ConstraintOrIndex:
        return ConstraintOrIndex(name, kind, columns, columns, unique=unique)

    def _columns_of(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(self._plain, self._written(names)))

    def _written(self, names: Sequence[str]) -> list[str]:
        """Return the columns of fields as Django has them."""
        return [self.model._meta.get_field(name).column for name in names]

    def _named(self, columns: Sequence[str], suffix: str) -> str:
        return self._plain(self.scribe._create_index_name(self.model._meta.db_table, list(columns), suffix=suffix))

    def _plain(self, name: str) -> str:
        """Return the server's name for a name of Django's; Django's own if the server has none."""
        sql = self.names.as_sql(name)
        try:
            return unquote(sql)
        except ValueError:
            return sql
