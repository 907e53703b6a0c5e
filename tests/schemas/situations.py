"""Situations of a test's tables: in schema ``b``, between others that have the same names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Situation:
    """A situation.

    :param search_path: the search_path of the migration.
    :param quoted: Django is told the schema, in the only way that it has: ``db_table = 'b"."item'``.
    :param own_quotes: ``db_table = '"item"'``, as Django documents it.
    """

    name: str
    search_path: str
    quoted: bool
    own_quotes: bool = False

    def __str__(self) -> str:
        return self.name

    def table(self, name: str) -> str:
        written = f'b"."{name}' if self.quoted else name
        return f'"{written}"' if self.own_quotes else written


OUT_OF_SIGHT = Situation("schema_in_db_table_out_of_search_path", "a,c", quoted=True)
IN_SIGHT = Situation("schema_in_db_table_second_in_search_path", "a,b,c", quoted=True)
#: The server then calls the tables by another name than Django: without their schema.
FIRST = Situation("schema_in_db_table_first_in_search_path", "b,a,c", quoted=True)
SECOND = Situation("second_in_search_path", "a,b,c", quoted=False)
OWN_QUOTES = Situation("db_table_in_quotes", "a,b,c", quoted=False, own_quotes=True)
ALL_IN_QUOTES = Situation("schema_and_table_in_quotes", "a,c", quoted=True, own_quotes=True)
SITUATIONS = (OUT_OF_SIGHT, IN_SIGHT, FIRST, SECOND, OWN_QUOTES, ALL_IN_QUOTES)
#: The expected result of every one of them: stock Django without another schema.
ALONE = Situation("alone", "b", quoted=False)
