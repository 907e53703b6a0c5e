"""A change of type online: a column of the new type is filled beside the old one, and takes its name.

A trigger keeps the new column equal to the old one, a CHECK that the server validates proves that it is, and the swap
changes the catalogue only. What belongs to the column is built on the new one before (``catalog.shadow``).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..catalog.shadow import Shadow, ShadowCheck, ShadowIndex, ShadowSequence, ShadowStatistics
from ..ddl import statements as s
from ..locks import Lock, LockMode
from ..naming import literal, quote, unquote
from ..planning.context import Context
from ..planning.kinds import Batches, Step
from ..planning.online import Beside, Key, keys_of
from ..planning.queries import Query, Rows
from ..planning.steps import builds, long, short


def replace_column(statement: s.SetType, shadow: Shadow, context: Context) -> list[Step]:
    """Return the steps of the replacement.

    :param shadow: the new column.
    """
    return list(_Replacement(statement, shadow, context).steps())


class _Replacement:
    """The replacement of a column. Names are as in SQL: ``table``, the column ``old``, and its successor ``new``."""

    def __init__(self, statement: s.SetType, shadow: Shadow, context: Context) -> None:
        self.statement = statement
        self.shadow = shadow
        self.names = context.names
        self.beside = context.catalog.beside
        self.named_not_null = context.capabilities.not_null_not_valid and bool(shadow.not_null_name)
        self.table, self.old = statement.table, quote(unquote(statement.column))
        self.named = Beside.of(statement, context)
        self.new = quote(self.named.column)
        self.keys = keys_of(statement, context)
        change = context.type_change(statement)
        self.fits = change.fits if change and not change.keeps_values else None

    def steps(self) -> Iterator[Step]:
        yield short(self.statement, *self._begin(), undo=[short(self.statement, *self.named.give_up())])
        yield self._fill()
        for validations in self._validations():
            yield long(self.statement, f"{self._alter} {', '.join(validations)}")
        for index in self.shadow.indexes:
            yield self._build(index)
        if dress := [*self._attributes(), *self._of_others()]:
            yield short(self.statement, *dress, locks=self._dressing_locks)
        yield long(self.statement, f"ANALYZE {self.table}{self._analyzed}")
        for key in self.keys:
            yield from self._point_anew(key)
        yield short(self.statement, *self._swap())

    @property
    def _alter(self) -> str:
        return f"ALTER TABLE {self.table}"

    def _equal(self, row: str = "") -> str:
        """Return a condition that both columns have the same value. No operator is looked up by its name alone.

        The condition is false for a value that the new type does not take, whatever its conversion would be.

        :param row: what stands before the columns.
        """
        new, old, shadow = f"{row}{self.new}", f"{row}{self.old}", self.shadow
        bytewise = ' COLLATE pg_catalog."C"' if shadow.collatable else ""
        values = f"{new}{bytewise} OPERATOR(pg_catalog.=) {old}::{shadow.type}{bytewise}"
        equal = f"coalesce({values}, {new} IS NULL AND {old} IS NULL)"
        # The server converts nothing before it has reached this branch.
        return f"CASE WHEN {self._taken(old)} THEN {equal} ELSE false END" if self.fits else equal

    def _taken(self, old: str) -> str:
        """Return a condition that the new type takes a value of the old column, if there may be others."""
        return f"({old} IS NULL OR {self.fits.taken.format(old)})" if self.fits else "true"

    # The new column, which is not read yet

    def _begin(self) -> Iterator[str]:
        alter, shadow = self._alter, self.shadow
        collation = f" COLLATE {shadow.collation}" if shadow.collation else ""
        yield f"{alter} ADD COLUMN {self.new} {shadow.type}{collation}"
        yield self._create_function
        insert, update = self.named.triggers
        call = f"EXECUTE FUNCTION {self.named.function}()"
        different = f"WHEN (NOT {self._equal('NEW.')})"
        yield f"CREATE OR REPLACE TRIGGER {insert} BEFORE INSERT ON {self.table} FOR EACH ROW {call}"
        yield f"CREATE OR REPLACE TRIGGER {update} BEFORE UPDATE ON {self.table} FOR EACH ROW {different} {call}"
        # The trigger also fires for what a logical subscription writes.
        yield f"{alter} ENABLE ALWAYS TRIGGER {insert}, ENABLE ALWAYS TRIGGER {update}"
        not_null = f"{self.new} IS NOT NULL AND " if shadow.not_null else ""
        yield f"{alter} ADD CONSTRAINT {self.named.proof} CHECK ({not_null}{self._equal()}) NOT VALID"
        if self.named_not_null:
            yield f"{alter} ADD CONSTRAINT {self._not_null} NOT NULL {self.new} NOT VALID"
        for check in shadow.checks:
            yield f"{alter} ADD CONSTRAINT {self._new_name(check)} {check.definition} NOT VALID"

    @property
    def _create_function(self) -> str:
        # An assignment finds the conversion by the types, whatever the search_path of the writing session is.
        body = f"BEGIN NEW.{self.new} := NEW.{self.old}; RETURN NEW; END"
        # An existing function is left alone: it could belong to another role.
        return f"CREATE FUNCTION {self.named.function}() RETURNS trigger LANGUAGE plpgsql AS {literal(body)}"

    @property
    def _not_null(self) -> str:
        return quote(self.names.temporary(self.shadow.not_null_name, "new"))

    def _new_name(self, of: ShadowCheck | ShadowIndex) -> str:
        return quote(self.names.temporary(of.name, "new"))

    # The requirements before it can take the place of the old one

    def _fill(self) -> Step:
        assignment = Query(f"{self.new} = {self.old}::{self.shadow.type}")
        # The validation finds a row that was written before the trigger existed, and does not fit.
        fits = f" AND {self._taken(self.old)}" if self.fits else ""
        where = Query(f"{self.new} IS NULL AND {self.old} IS NOT NULL{fits}")
        whole = Query(f"UPDATE {self.table} SET {assignment.sql} WHERE {where.sql}")
        locks = s.FillNulls(sql="", table=self.table, column=self.new, default="").locks()
        work = Rows(self.table, assignment, where, spares_triggers=self.shadow.spares_triggers)
        return Batches(queries=(whole,), statement=self.statement, locks=locks, work=work)

    def _validations(self) -> Iterator[list[str]]:
        """Yield the constraints to validate. In one ALTER TABLE, the table is read once."""
        proof = [f"VALIDATE CONSTRAINT {self.named.proof}"]
        others = [f"VALIDATE CONSTRAINT {self._not_null}"] if self.named_not_null else []
        others += [f"VALIDATE CONSTRAINT {self._new_name(check)}" for check in self.shadow.checks]
        # The server checks NOT NULL first, and would call a value that does not fit missing.
        parts = [proof, others] if self.fits else [proof + others]
        yield from filter(None, parts)

    def _build(self, index: ShadowIndex) -> Step:
        name, unique = self._new_name(index), "UNIQUE " if index.unique else ""
        tablespace = f" TABLESPACE {quote(index.tablespace)}" if index.tablespace else ""
        of = f"{self.table}{index.definition}{tablespace}{index.predicate}"
        sql = f"CREATE {unique}INDEX CONCURRENTLY {name} ON {of}"
        return builds(self.statement, sql, self.beside(self.table, name))

    def _attributes(self) -> Iterator[str]:
        """Yield the column's other attributes, as far as they can be set before the swap."""
        shadow, column = self.shadow, f"{self._alter} ALTER COLUMN {self.new}"
        if self._sets_not_null:
            yield f"{column} SET NOT NULL"
        if shadow.target is not None:
            yield f"{column} SET STATISTICS {shadow.target}"
        if shadow.options:
            yield f"{column} SET ({', '.join(shadow.options)})"
        if shadow.comment is not None:
            yield f"COMMENT ON COLUMN {self.table}.{self.new} IS {literal(shadow.comment)}"
        for check in shadow.checks:
            if check.comment is not None:
                yield f"COMMENT ON CONSTRAINT {self._new_name(check)} ON {self.table} IS {literal(check.comment)}"
        for statistics in shadow.statistics:
            yield from self._create(statistics)

    def _of_others(self) -> Iterator[str]:
        """Yield the attributes that are set without a lock on the table."""
        yield from self.shadow.grants
        for index in self.shadow.indexes:
            if index.comment is not None:
                name = self.beside(self.table, self._new_name(index))
                yield f"COMMENT ON INDEX {name} IS {literal(index.comment)}"

    @property
    def _sets_not_null(self) -> bool:
        """Whether NOT NULL is set before the swap, which reads no row, since the proof is valid."""
        return self.shadow.not_null and not self.named_not_null

    @property
    def _dressing_locks(self) -> list[Lock]:
        if self._sets_not_null:
            mode = LockMode.ACCESS_EXCLUSIVE
        elif any(self._attributes()):
            mode = LockMode.SHARE_UPDATE_EXCLUSIVE
        else:
            mode = LockMode.ACCESS_SHARE
        return [Lock(self.table, mode)] if mode is not LockMode.ACCESS_SHARE or self.shadow.grants else []

    def _create(self, statistics: ShadowStatistics) -> Iterator[str]:
        name = self._new_statistics(statistics)
        yield f"CREATE STATISTICS {name}{statistics.definition} FROM {self.table}"
        if statistics.target is not None:
            yield f"ALTER STATISTICS {name} SET STATISTICS {statistics.target}"
        if statistics.comment is not None:
            yield f"COMMENT ON STATISTICS {name} IS {literal(statistics.comment)}"

    def _new_statistics(self, statistics: ShadowStatistics) -> str:
        return f"{quote(statistics.schema)}.{quote(self.names.temporary(statistics.name, 'new'))}"

    def _point_anew(self, key: Key) -> Iterator[Step]:
        """Make the foreign key of the new column, or to it; then drop the old one. One of them exists at every moment,
        and no more than two tables are locked.
        """
        alter, new = f"ALTER TABLE {key.table}", quote(self.names.temporary(key.name, "new"))
        both = [Lock(table, LockMode.ACCESS_EXCLUSIVE) for table in dict.fromkeys(key.tables)]
        add = f"{alter} ADD CONSTRAINT {new} {key.definition(self.new)} NOT VALID"
        sharing = [Lock(lock.table, LockMode.SHARE_ROW_EXCLUSIVE) for lock in both]
        undo = [short(self.statement, f"{alter} DROP CONSTRAINT {new}", locks=both)]
        yield short(self.statement, add, locks=sharing, undo=undo)
        if key.valid:
            validating = [Lock(key.table, LockMode.SHARE_UPDATE_EXCLUSIVE)]
            if key.to_table != key.table:
                validating.append(Lock(key.to_table, LockMode.ROW_SHARE, only=True))
            yield long(self.statement, f"{alter} VALIDATE CONSTRAINT {new}", validating)
        name = quote(key.name)
        swap = [f"{alter} DROP CONSTRAINT {name}", f"{alter} RENAME CONSTRAINT {new} TO {name}"]
        if key.comment is not None:
            swap.append(f"COMMENT ON CONSTRAINT {name} ON {key.table} IS {literal(key.comment)}")
        yield short(self.statement, *swap, locks=both)

    @property
    def _analyzed(self) -> str:
        """Return the ANALYZE. With a list of columns, expressions in indexes would get no statistics."""
        needs_whole = self.shadow.statistics or any(index.has_expression for index in self.shadow.indexes)
        return "" if needs_whole else f" ({self.new})"

    # The swap

    def _swap(self) -> Iterator[str]:
        alter, shadow = self._alter, self.shadow
        yield from self.named.end()
        yield f"{alter} DROP CONSTRAINT {self.named.proof}"
        for sequence in shadow.sequences:
            yield from self._move(sequence)
        yield f"{alter} DROP COLUMN {self.old}"
        yield f"{alter} RENAME COLUMN {self.new} TO {self.old}"
        for index in shadow.indexes:
            yield from self._take_name(index)
        for check in shadow.checks:
            yield f"{alter} RENAME CONSTRAINT {self._new_name(check)} TO {quote(check.name)}"
        if self.named_not_null:
            yield f"{alter} RENAME CONSTRAINT {self._not_null} TO {quote(shadow.not_null_name)}"
        for statistics in shadow.statistics:
            yield f"ALTER STATISTICS {self._new_statistics(statistics)} RENAME TO {quote(statistics.name)}"
        if shadow.default:
            yield f"{alter} ALTER COLUMN {self.old} SET DEFAULT {shadow.default}"

    def _move(self, sequence: ShadowSequence) -> Iterator[str]:
        name = sequence.name
        if not sequence.kind:
            yield f"ALTER SEQUENCE {name} OWNED BY {self.table}.{self.new}"
            return
        # An identity cannot take over an existing sequence. The first ALTER keeps other sessions' nextval() out.
        of_column = f"{self._alter} ALTER COLUMN"
        identity = f"ADD GENERATED {sequence.kind} AS IDENTITY (SEQUENCE NAME {name} {sequence.options})"
        body = (
            "DECLARE zdm_value pg_catalog.int8; zdm_called pg_catalog.bool; BEGIN "
            f"ALTER SEQUENCE {name} AS pg_catalog.int8; "
            f"SELECT last_value, is_called INTO zdm_value, zdm_called FROM {name}; "
            f"{of_column} {self.old} DROP IDENTITY; {of_column} {self.new} {identity}; "
            f"PERFORM pg_catalog.setval({literal(name)}::pg_catalog.regclass, zdm_value, zdm_called); END"
        )
        yield f"DO {literal(body)}"
        yield from sequence.privileges
        if sequence.comment is not None:
            yield f"COMMENT ON SEQUENCE {name} IS {literal(sequence.comment)}"

    def _take_name(self, index: ShadowIndex) -> Iterator[str]:
        name = quote(index.name)
        if index.constraint:
            kind = "PRIMARY KEY" if index.constraint == "p" else "UNIQUE"
            using = f"{kind} USING INDEX {self._new_name(index)}{index.deferrable}"
            yield f"{self._alter} ADD CONSTRAINT {name} {using}"
        else:
            yield f"ALTER INDEX {self.beside(self.table, self._new_name(index))} RENAME TO {name}"
        if index.constraint_comment is not None:
            yield f"COMMENT ON CONSTRAINT {name} ON {self.table} IS {literal(index.constraint_comment)}"
        if index.clustered:
            yield f"{self._alter} CLUSTER ON {name}"
        if index.is_identity:
            yield f"{self._alter} REPLICA IDENTITY USING INDEX {name}"
