"""Triggers that correct what old code writes: one fills NULL, one keeps two columns equal, and one only counts.

They count with a sequence: it locks nothing, and is never published to a logical subscriber. The role that writes the
row needs no privilege on the function or the sequence. The function runs with its owner's privileges, names all that it
uses, and has a search_path of its own, so that clients cannot change its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..catalog.planned import PlannedCatalog
from ..ddl import statements as s
from ..ddl.triggers import DropTrigger, MakeTrigger
from ..naming import Names, literal, plain_table, quote, split_identifier, unquote
from ..record import Row
from .removals import Stays

#: The function's search_path: it never finds what other roles have made.
PATH: Final = "pg_catalog, pg_temp"
#: The ends of the names of the function and the sequence, by the kind of what is owed.
_ENDS: Final = {s.FILLED: ("fill", "nulls"), s.REMOVED: ("count", "writes")}


def counter(kept: Stays, names: Names) -> str:
    """Return the plain name of the sequence that counts what old code writes; it is in the schema of the table. Empty
    without a sequence.
    """
    if not kept.column or kept.kind not in _ENDS:
        return ""
    return names.temporary(f"{plain_table(kept.tables[0])}_{kept.column}", _ENDS[kept.kind][1])


def remains(kept: Stays, names: Names) -> str:
    """Return the SQL that drops the remains of a table or column that was dropped by hand; empty for nothing."""
    if not (sequence := counter(kept, names)):
        return ""
    schema = [quote(part) for part in split_identifier(kept.tables[0])[:-1]]
    function = names.temporary(f"{plain_table(kept.tables[0])}_{kept.column}", _ENDS[kept.kind][0])
    paths = (".".join([*schema, quote(name)]) for name in (function, sequence))
    return "DROP FUNCTION IF EXISTS {}(); DROP SEQUENCE IF EXISTS {}".format(*paths)


class Ways(Row):
    """The values by which a column and its replacement follow each other. Names are as in SQL.

    :param table: the table, with its schema.
    :param column: the new column.
    :param forwards: SQL of the new column's value, from the old column of the record "new".
    :param backwards: SQL of the old column's value, from the new column of the record "new".
    """

    table: str
    column: str
    forwards: str
    backwards: str


class OldWrites(Row):
    """The triggers of a column, their function and its counter. All names are as in SQL.

    :param table: the table of the triggers.
    :param triggers: one for rows and one for UPDATE statements; if the column is filled, one for rows.
    :param counted: the sequence with its schema, as the function has to name it.
    """

    table: str
    column: str
    kind: str
    triggers: tuple[str, ...]
    function: str
    sequence: str
    counted: str

    @classmethod
    def of(cls, kept: Stays, catalog: PlannedCatalog, schema: str) -> OldWrites:
        """Return the triggers for what stays.

        :param schema: the first of the search_path, plain.
        """
        table, names = kept.tables[0], catalog.names
        ends = ("fill",) if kept.kind == s.FILLED else ("insert", "update")
        # Triggers fire in the order of their names: these have to see what the others have made of a row.
        triggers = tuple(quote(names.temporary(f"~{kept.column}", f"old_{end}")) for end in ends)
        function = quote(names.temporary(f"{plain_table(table)}_{kept.column}", _ENDS[kept.kind][0]))
        sequence = catalog.beside(table, quote(counter(kept, names)))
        counted = sequence if len(split_identifier(sequence)) > 1 else f"{quote(schema)}.{sequence}"
        path = catalog.beside(table, function)
        return cls(table, quote(kept.column), kept.kind, triggers, path, sequence, counted)

    def filling(self, value: str) -> MakeTrigger:
        """Return the trigger that fills the column.

        :param value: SQL of the value in place of NULL; it uses names of pg_catalog only.
        """
        [trigger] = self.triggers
        on_row = (
            f"CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {self.table} FOR EACH ROW "
            f"WHEN (NEW.{self.column} IS NULL) {self._executes}"
        )
        # The trigger also fires for what a logical subscription writes.
        always = f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {trigger}"
        return self._made(
            [on_row, always], f"BEGIN {self._counts} NEW.{self.column} := {value}; RETURN NEW; END", fills=True
        )

    def counting(self, inserts: bool) -> MakeTrigger:
        """Return the triggers that count statements that name the column, and inserted rows with a value in it.

        :param inserts: new code's rows have no value.
        """
        on_row, on_update = self.triggers
        made = [f"CREATE TRIGGER {on_update} BEFORE UPDATE OF {self.column} ON {self.table} {self._executes}"]
        if inserts:
            made.append(
                f"CREATE TRIGGER {on_row} BEFORE INSERT ON {self.table} FOR EACH ROW "
                f"WHEN (NEW.{self.column} IS NOT NULL) {self._executes}"
            )
        return self._made(made, f"BEGIN {self._counts} RETURN NEW; END")

    def in_step(self, ways: Ways) -> MakeTrigger:
        """Return the trigger that keeps a column and its replacement equal, and counts old code's writes to the first.

        A row in which the two agree is left as it is, so that a fill, whose values are computed, changes nothing else.
        If a statement writes both and they do not agree, the new column wins.
        """
        on_row, (old, new) = self.triggers[0], (self.column, ways.column)
        forth = f"NEW.{new} := made; {self._counts}"
        does = (
            f"DECLARE made {ways.table}.{new}%TYPE; back {ways.table}.{old}%TYPE; BEGIN made := {ways.forwards}; "
            f"IF TG_OP = 'INSERT' AND NEW.{new} IS NULL THEN IF NEW.{old} IS NOT NULL THEN {forth} "
            f"ELSE NEW.{new} := made; END IF; "
            f"ELSIF TG_OP = 'INSERT' OR NEW.{new} IS DISTINCT FROM OLD.{new} THEN "
            f"IF NEW.{new} IS DISTINCT FROM made THEN NEW.{old} := {ways.backwards}; END IF; "
            f"ELSIF NEW.{old} IS DISTINCT FROM OLD.{old} THEN back := {ways.backwards}; "
            f"IF NEW.{old} IS DISTINCT FROM back THEN {forth} END IF; END IF; RETURN NEW; END"
        )
        trigger = (
            f"CREATE TRIGGER {on_row} BEFORE INSERT OR UPDATE OF {old}, {new} ON {self.table} "
            f"FOR EACH ROW {self._executes}"
        )
        always = f"ALTER TABLE {self.table} ENABLE ALWAYS TRIGGER {on_row}"
        return self._made([trigger, always], does, fills=True).named(column=new)

    def dropped(self) -> DropTrigger:
        # A user who drops some of it by hand loses nothing: NOT NULL refuses what it would have filled.
        queries = (
            *(f"DROP TRIGGER IF EXISTS {trigger} ON {self.table}" for trigger in self.triggers),
            f"DROP FUNCTION IF EXISTS {self.function}()",
            f"DROP SEQUENCE IF EXISTS {self.sequence}",
        )
        return DropTrigger(
            sql="; ".join(queries),
            table=self.table,
            column=self.column,
            queries=queries,
            names=tuple(map(unquote, self.triggers)),
            function=self.function,
        )

    @property
    def _executes(self) -> str:
        return f"EXECUTE FUNCTION {self.function}()"

    @property
    def _counts(self) -> str:
        # If the sequence was dropped by hand, nothing is counted, and no client sees an error.
        return f"PERFORM pg_catalog.nextval(pg_catalog.to_regclass({literal(self.counted)}));"

    def _made(self, triggers: Sequence[str], does: str, fills: bool = False) -> MakeTrigger:
        """Compose the statement that makes the triggers, their function and the counter.

        :param does: the body of the function.
        """
        dropped = self.dropped()
        queries = (
            # A script that was applied may be sent once more, and an object of another role is not used.
            *dropped.queries,
            f"CREATE SEQUENCE {self.sequence}",
            f"REVOKE ALL ON SEQUENCE {self.sequence} FROM PUBLIC",
            f"CREATE FUNCTION {self.function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path TO {PATH} AS {literal(does)}",
            f"REVOKE ALL ON FUNCTION {self.function}() FROM PUBLIC",
            *triggers,
        )
        return MakeTrigger(
            sql="; ".join(queries),
            table=self.table,
            column=self.column,
            queries=queries,
            names=dropped.names,
            function=self.function,
            undo=dropped,
            fills=fills,
        )
