"""Queries that find the rows of a table that violate a constraint: for all of them, and for some."""

from __future__ import annotations

from ...record import Row

#: How many rows a message shows, and how many characters of a value.
ROWS = 10
VALUE = 60


class Table(Row):
    """A table whose rows are searched.

    :param name: quoted, with its schema.
    :param key: the quoted columns of its primary key.
    :param plain: the values of the key are numbers and UUIDs alone, which reveal no personal data.
    """

    name: str
    partitioned: bool
    key: tuple[str, ...]
    plain: bool = True

    @property
    def named_by(self) -> tuple[str, ...]:
        """The columns that identify one of its rows."""
        return self.key or self.places

    @property
    def places(self) -> tuple[str, ...]:
        """The columns that tell where a row is, until it is updated."""
        return ("tableoid::pg_catalog.regclass", "ctid") if self.partitioned else ("ctid",)

    def shown_by(self, values: bool) -> tuple[str, ...]:
        """Return the columns by which a message shows a row.

        :param values: whether the message may show values of the rows.
        """
        return self.named_by if values or self.plain else self.places


class Offence(Row):
    """A violated condition of rows.

    :param columns: SQL of what is constrained.
    :param only: the rows of partitions and children do not matter.
    :param where: SQL that is true for a wrong row, or with ``same`` for a row that counts.
    :param alias: what the condition calls the table, in SQL.
    :param same: rows are wrong if they have the same values in all columns.
    """

    table: Table
    text: str
    columns: tuple[str, ...]
    where: str
    only: bool = False
    same: bool = False
    alias: str = ""

    @property
    def source(self) -> str:
        """The SQL that follows FROM."""
        only = "ONLY " if self.only and not self.table.partitioned else ""
        name = f"{only}{self.table.name}{self.alias}"
        return f"{name} WHERE {self.where}" if self.where else name

    @property
    def all(self) -> str:
        """The query for all of them."""
        if self.same:
            columns = ", ".join(self.columns)
            numbers = ", ".join(str(number) for number, _ in enumerate(self.columns, 1))
            counted = f"SELECT {columns}, pg_catalog.count(*) FROM {self.source}"
            return f"{counted} GROUP BY {numbers} HAVING pg_catalog.count(*) > 1"
        return f"SELECT {', '.join(self.table.named_by)} FROM {self.source}"

    def sample(self, values: bool) -> str:
        """Return the query for some: what identifies them, how many are the same, and on request what is wrong."""
        shown = (*self.table.shown_by(values), *(self.columns if values else ()))
        texts = [f"pg_catalog.left(({x})::pg_catalog.text, {VALUE}) AS c{number}" for number, x in enumerate(shown)]
        names = ", ".join(f"c{number}" for number, _ in enumerate(shown))
        if not self.same:
            return f"SELECT 1, {', '.join(texts)} FROM {self.source} LIMIT {ROWS + 1}"
        same = f"pg_catalog.count(*) OVER (PARTITION BY {', '.join(self.columns)}) AS same"
        counted = f"SELECT {same}, {', '.join(texts)} FROM {self.source}"
        return f"SELECT same, {names} FROM ({counted}) AS counted WHERE same > 1 LIMIT {ROWS + 1}"
