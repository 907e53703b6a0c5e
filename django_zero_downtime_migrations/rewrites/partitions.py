"""Indexes of partitioned tables, which the server cannot build CONCURRENTLY as a whole.

The index is created on each partitioned table alone, INVALID and without reading a row, then built concurrently on each
partition with rows under the name that the server would have chosen, and attached; with the last of them the whole
becomes valid. From the first step on, the server itself gives each added partition its part of the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..catalog.records import IndexShape, Partition
from ..ddl import statements as s
from ..errors import CannotMigrate
from ..locks import Lock, LockMode
from ..naming import plain_table, quote
from ..planning.context import Context
from ..planning.kinds import Step
from ..planning.steps import builds, short
from ..record import Record

#: A function (table, name of the index) -> statement. The names are as they are written in SQL.
Write = Callable[[str, str], str]


class Recipe(Record):
    """The instructions for one index of a partitioned table. Names in SQL are quoted.

    :param label: the end of the names that the server chooses for the parts.
    :param middle: what it puts between the partition's name and the label.
    :param only: the statement on a partitioned table alone.
    :param mode: the lock that this takes.
    :param build: the statement on a partition, CONCURRENTLY.
    :param adopt: what makes a constraint of it; None for an index.
    :param remove: drops it from a partitioned table, with all that is attached; it may be gone already.
    :param beside: an index's name with the schema of its table, if it needs that.
    :param equals: indexes of partitions that are attached instead of a new one, by table.
    :param loose: equal indexes that lack the constraint that they would have to belong to, by table.
    """

    label: str
    middle: str | None
    only: Write
    mode: LockMode
    build: Write
    adopt: Write | None
    remove: Write
    beside: Write
    equals: dict[str, str]
    loose: frozenset[tuple[str, str]] = frozenset()


def text(sql: str) -> str:
    return "'" + sql.replace("'", "''") + "'"


def has_foreign_tables(tree: Sequence[Partition]) -> bool:
    return any(part.kind == "f" for part in tree)


def refuse_without_key(statement: s.Statement, tree: Sequence[Partition], columns: Sequence[str], what: str) -> None:
    """Refuse a unique index that does not include the partition key.

    :raises CannotMigrate: if uniqueness would have to be enforced across partitions.
    """
    for part in tree:
        missing = [column or "an expression" for column in part.key if column not in columns]
        if missing:
            raise CannotMigrate(
                f"{what} of {statement.table} has to include the columns by which {part.table} is partitioned, and "
                f"{', '.join(missing)} is not among its columns: PostgreSQL compares rows within one partition only. "
                "Add the columns to it, or leave it out; nothing was changed."
            )


def refuse_foreign_tables(statement: s.Statement, tree: Sequence[Partition], what: str) -> None:
    if has_foreign_tables(tree):
        tables = ", ".join(part.table for part in tree if part.kind == "f")
        raise CannotMigrate(
            f"{what} of {statement.table} cannot be made: PostgreSQL has none for a partition that is a foreign table "
            f"({tables}). Detach it first; nothing was changed."
        )


def usable(shape: IndexShape | None, of_constraint: bool) -> dict[str, str]:
    """Return the index that the server would attach, by table.

    :param of_constraint: only an index that belongs to a constraint.
    """
    found: dict[str, str] = {}
    for table, name, kind in shape.equals if shape else ():
        if kind or not of_constraint:
            found.setdefault(table, quote(name))
    return found


def loose(shape: IndexShape | None) -> frozenset[tuple[str, str]]:
    return frozenset((table, quote(name)) for table, name, kind in (shape.equals if shape else ()) if not kind)


def build(statement: s.Statement, name: str, tree: Sequence[Partition], recipe: Recipe, context: Context) -> list[Step]:
    """Return the steps of a :class:`Recipe`.

    A partition that has partitions of its own is attached when its part is whole: in the other order, the server would
    lock the table above it (ACCESS EXCLUSIVE) to see whether that is whole as well.

    :param name: the name of the whole index, quoted.
    """
    tree = list(_without_attached(tree, recipe.equals))
    names = _names(name, tree, recipe, context)
    work = _Work(statement=statement, tree=tree, names=names, recipe=recipe)
    own = [part for part in tree if part.table not in recipe.equals]
    steps = [work.only(part) for part in own if part.kind == "p"]
    for part in own:
        if part.kind == "r":
            steps += work.part(part)
    upwards = list(reversed(tree[1:]))
    last = [part for part in upwards if _has_equals(part, tree, recipe.equals)]
    steps += [work.attach([part]) for part in upwards if part.kind == "p" and part not in last]
    if last:
        # These come last, all at once: an attached index cannot be detached, and they are not ours to drop.
        steps.append(work.attach(last).named(undo=()))
    if len(tree) > 1:
        check = short(statement, complete(tree[0].table, recipe.beside(tree[0].table, name)))
        steps[-1] = steps[-1].named(queries=steps[-1].queries + check.queries)
    return steps


def _has_equals(part: Partition, tree: Sequence[Partition], equals: dict[str, str]) -> bool:
    return part.table in equals or any(_has_equals(x, tree, equals) for x in tree if x.parent == part.table)


def _without_attached(tree: Sequence[Partition], equals: dict[str, str]) -> Iterator[Partition]:
    """Leave out partitions below an index that is attached as a whole: they have their parts already."""
    below: set[str] = set()
    for part in tree:
        if part.parent in below or part.parent in equals:
            below.add(part.table)
        else:
            yield part


def _names(name: str, tree: Sequence[Partition], recipe: Recipe, context: Context) -> dict[str, str]:
    """Return the names by table, in the order in which the server would choose them."""
    names = {tree[0].table: name}
    chosen: set[str] = set()
    for part in tree[1:]:
        if part.table in recipe.equals:
            names[part.table] = recipe.equals[part.table]
            continue

        def taken(plain: str, table: str = part.table) -> bool:
            if _has_begun(table, plain, recipe, context):
                return False
            return recipe.beside(table, quote(plain)) in chosen or context.catalog.name_taken(
                table, plain, relations=True
            )

        plain = context.names.choose(plain_table(part.table), recipe.middle, recipe.label, taken)
        chosen.add(recipe.beside(part.table, quote(plain)))
        context.projection.add_constraint(part.table, plain, [], index=True)
        names[part.table] = quote(plain)
    return names


def _has_begun(table: str, name: str, recipe: Recipe, context: Context) -> bool:
    """Return whether an earlier run has made this index, or tried to; the server's refusal then leads to it."""
    if not context.settings.idempotent_sql:
        return False
    return (table, quote(name)) in recipe.loose or context.catalog.is_unfinished(table, name)


class _Work(Record):
    statement: s.Statement
    tree: Sequence[Partition]
    names: dict[str, str]
    recipe: Recipe

    def only(self, part: Partition) -> Step:
        """Create it on a partitioned table alone."""
        create = self.recipe.only(part.table, self.names[part.table])
        locks = [Lock(part.table, self.recipe.mode, only=True)]
        return short(self.statement, create, unchanged(part, self.tree), locks=locks, undo=[self._removed(part.table)])

    def part(self, part: Partition) -> Iterator[Step]:
        """Build it on a partition with rows, make a constraint of it and attach it."""
        table, name, statement = part.table, self.names[part.table], self.statement
        building = [Lock(table, LockMode.SHARE_UPDATE_EXCLUSIVE)]
        yield builds(statement, self.recipe.build(table, name), self.recipe.beside(table, name), building)
        attach = self.attach([part])
        if self.recipe.adopt is None:
            yield attach
        else:
            adopt = short(statement, self.recipe.adopt(table, name))
            locks = (*attach.locks, Lock(table, LockMode.ACCESS_EXCLUSIVE))
            yield attach.named(queries=adopt.queries + attach.queries, locks=locks)

    def attach(self, parts: Sequence[Partition]) -> Step:
        """Attach the parts in this order, in one transaction."""
        parents = dict.fromkeys(part.parent for part in parts)
        locks = [Lock(self._index(part.table), LockMode.ACCESS_EXCLUSIVE, only=True) for part in parts]
        locks += [Lock(part.table, LockMode.ACCESS_SHARE, only=True) for part in parts]
        locks += [Lock(parent, LockMode.ACCESS_SHARE, only=True) for parent in parents]
        queries = [f"ALTER INDEX {self._index(x.parent)} ATTACH PARTITION {self._index(x.table)}" for x in parts]
        return short(self.statement, *queries, locks=locks, undo=[self._removed(parent) for parent in parents])

    def _index(self, table: str) -> str:
        return self.recipe.beside(table, self.names[table])

    def _removed(self, table: str) -> Step:
        """Drop the index, and with it everything that is attached."""
        return short(
            self.statement,
            self.recipe.remove(table, self.names[table]),
            locks=[Lock(table, LockMode.ACCESS_EXCLUSIVE)],
        )


def unchanged(part: Partition, tree: Sequence[Partition]) -> str:
    """Return SQL that fails if the table has got a partition since the plan was made; its lock has to keep new
    partitions out.
    """
    known = ", ".join(text(x.table) for x in tree if x.parent == part.table)
    return (
        "DO $zdm$ DECLARE added pg_catalog.text; BEGIN "
        "SELECT pg_catalog.string_agg(inhrelid::pg_catalog.regclass::pg_catalog.text, ', ') INTO added "
        f"FROM pg_catalog.pg_inherits WHERE inhparent = {text(part.table)}::pg_catalog.regclass::pg_catalog.oid "
        "AND NOT inhdetachpending "
        f"AND inhrelid <> ALL (ARRAY[{known}]::pg_catalog.regclass[]::pg_catalog.oid[]); "
        "IF added IS NOT NULL THEN RAISE EXCEPTION 'partition % was added to % while this was planned', added, "
        f"{text(part.table)}; END IF; END $zdm$"
    )


def complete(table: str, index: str) -> str:
    """Return SQL that fails if a partition has no valid part of the index."""
    return (
        "DO $zdm$ DECLARE bare pg_catalog.text; BEGIN "
        "SELECT pg_catalog.string_agg(relid::pg_catalog.text, ', ') INTO bare "
        f"FROM pg_catalog.pg_partition_tree({text(table)}) t WHERE NOT EXISTS ("
        f"SELECT FROM pg_catalog.pg_partition_tree({text(index)}) x "
        "JOIN pg_catalog.pg_index i ON i.indexrelid = x.relid::pg_catalog.oid "
        "WHERE i.indrelid = t.relid::pg_catalog.oid AND i.indisvalid); "
        "IF bare IS NOT NULL THEN RAISE EXCEPTION 'no valid part of % on %', "
        f"{text(index)}, bare; END IF; END $zdm$"
    )
