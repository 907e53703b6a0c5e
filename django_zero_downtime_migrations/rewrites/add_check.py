"""ADD CHECK … NOT VALID is a catalogue change; VALIDATE reads the table under SHARE UPDATE EXCLUSIVE."""

from __future__ import annotations

from ..ddl import statements as s
from ..errors import CannotMigrate
from ..locks import Lock, LockMode
from ..planning.context import Context
from ..planning.kinds import Blocking, Step
from ..planning.queries import Query
from ..planning.registry import rewrites
from ..planning.steps import as_written, long, short


@rewrites(s.AddCheck)
def add_check(statement: s.AddCheck, context: Context) -> list[Step]:
    drop = short(statement, f"ALTER TABLE {statement.table} DROP CONSTRAINT {statement.name}")
    if statement.not_valid:
        return [short(statement, Query(statement.sql, statement.params), undo=[drop])]
    return [
        short(statement, Query(statement.sql + " NOT VALID", statement.params), undo=[drop]),
        long(statement, f"ALTER TABLE {statement.table} VALIDATE CONSTRAINT {statement.name}"),
    ]


@rewrites(s.ValidateConstraint)
def validate_constraint(statement: s.ValidateConstraint, context: Context) -> list[Step]:
    """Validate. For a foreign key this takes ROW SHARE on the target table as well."""
    constraint = context.catalog.constraint(statement.table, statement.name)
    locks = list(statement.locks())
    if constraint and constraint.kind == "f" and not constraint.valid and constraint.to_table:
        locks.append(Lock(constraint.to_table, LockMode.ROW_SHARE))
    return [long(statement, Query(statement.sql, statement.params), locks)]


@rewrites(s.AddExclusion)
def add_exclusion(statement: s.AddExclusion, context: Context) -> list[Step]:
    """Add it as written: EXCLUDE has neither NOT VALID nor USING INDEX nor a concurrent build."""
    if not context.capabilities.partitioned_exclusion and context.catalog.partitions(statement.table):
        raise CannotMigrate(
            f"The exclusion constraint {statement.name} cannot be added: {statement.table} is partitioned, and "
            "PostgreSQL has none for such tables before version 17. Add it to the partitions, or leave it out; nothing "
            "was changed."
        )
    return [as_written(statement, Blocking)]
