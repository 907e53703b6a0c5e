"""Triggers that see to what old code writes: they give a column a value where that is NULL.

Who writes the row needs no right to the function. It runs with those of its owner, names all that it uses, and has a
search_path of its own, so nothing that a client does decides what it means.
"""

from __future__ import annotations

from typing import NamedTuple

from ..catalog.planned import PlannedCatalog
from ..ddl import statements as s
from ..naming import literal, plain_table, quote, unquote
from .removals import Stays

#: Of the function: what others have made is never found.
PATH = "pg_catalog, pg_temp"


class Filling(NamedTuple):
    """The trigger that fills a column. All names are as in SQL.

    :param table: whose rows it sees to. :param function: with its schema.
    """

    table: str
    column: str
    trigger: str
    function: str

    @classmethod
    def of(cls, kept: Stays, catalog: PlannedCatalog) -> Filling:
        [table], names = kept.tables, catalog.names
        function = quote(names.temporary(f"{plain_table(table)}_{kept.column}", "fill"))
        # Triggers fire in the order of their names: this one has to see what the others have made of a row.
        trigger = quote(names.temporary(f"~{kept.column}", "fill"))
        return cls(table, quote(kept.column), trigger, catalog.beside(table, function))

    def made(self, value: str) -> s.MakeTrigger:
        """:param value: SQL of the value that takes the place of NULL; it names nothing but what is in pg_catalog."""
        body = f"BEGIN NEW.{self.column} := {value}; RETURN NEW; END"
        function = (
            f"CREATE FUNCTION {self.function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path TO {PATH} AS {literal(body)}"
        )
        trigger = (
            f"CREATE TRIGGER {self.trigger} BEFORE INSERT OR UPDATE ON {self.table} FOR EACH ROW "
            f"WHEN (NEW.{self.column} IS NULL) EXECUTE FUNCTION {self.function}()"
        )
        queries = (
            function,
            f"REVOKE ALL ON FUNCTION {self.function}() FROM PUBLIC",
            trigger,
            # Also for what a logical subscription writes.
            f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {self.trigger}",
        )
        return s.MakeTrigger(
            sql="; ".join(queries),
            table=self.table,
            column=self.column,
            queries=queries,
            undo=self.dropped(),
            fills=True,
        )

    def dropped(self) -> s.DropTrigger:
        # Who has taken some of it away by hand has lost nothing: NOT NULL refuses what it would have filled.
        queries = (
            f"DROP TRIGGER IF EXISTS {self.trigger} ON {self.table}",
            f"DROP FUNCTION IF EXISTS {self.function}()",
        )
        names = (unquote(self.trigger),)
        return s.DropTrigger(sql="; ".join(queries), table=self.table, column=self.column, queries=queries, names=names)
