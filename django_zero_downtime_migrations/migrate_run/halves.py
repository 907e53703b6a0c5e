"""The two halves of an operation that stand in a history by themselves: Expand leaves what old code uses, and the
Contract with the same operation drops it.

Two halves belong together if their operations are written alike in the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.db.migrations.writer import OperationWriter

from ..django_types import Migration, MigrationLoader, Operation
from ..execution.batches.position import Whose
from ..places import every

#: The values of an operation's ``half``.
EXPAND: Final = "expand"
CONTRACT: Final = "contract"
#: App and name of a migration.
Key = tuple[str, str]


class Expansion(NamedTuple):
    """An operation of an Expand.

    :param whose: its place.
    :param operation: the operation inside the Expand.
    """

    whose: Whose
    operation: Any


def of_half(operation: object, half: str) -> list[Any]:
    """Return the operations inside an Expand or a Contract; an empty list for any other operation."""
    return list(getattr(operation, "operations", ())) if getattr(operation, "half", "") == half else []


def written(operation: Operation) -> str:
    """Return an operation as a migration file has it."""
    text, _ = OperationWriter(operation, indentation=0).serialize()
    return str(text)


def expansions(migration: Migration) -> Iterator[Expansion]:
    """Yield the operations inside the Expands of a migration, in their order."""
    for place in every(migration.operations):
        for part, inner in enumerate(of_half(place.operation, EXPAND)):
            yield Expansion(Whose(migration.app_label, migration.name, place.path[0], part), inner)


def expansion_of(loader: MigrationLoader, key: Key, contract: Operation, operation: Operation) -> Expansion | None:
    """Return the expansion that an operation of a Contract belongs to: the last same one before it; None without any.

    :param key: the app and name of the migration with the Contract.
    :param operation: the operation inside the Contract.
    """
    text, found = written(operation), None
    for each in loader.graph.forwards_plan(key):
        if each[0] != key[0]:
            continue
        migration: Any = loader.graph.nodes[each]
        until = _place(migration, contract) if each == key else len(migration.operations)
        same = [x for x in expansions(migration) if x.whose.operation < until and written(x.operation) == text]
        found = same[-1] if same else found
    return found


def _place(migration: Migration, operation: Operation) -> int:
    """Return the index of an operation in its migration; for a nested one, the index of its outermost parent."""
    places = (x.path[0] for x in every(migration.operations) if x.operation is operation)
    return next(places, len(migration.operations))


def contracts_of(loader: MigrationLoader, expansion: Expansion) -> list[Key]:
    """Return the migrations with the Contract of an expansion."""
    text = written(expansion.operation)
    found: list[Key] = []
    for key, migration in loader.graph.nodes.items():
        if key[0] != expansion.whose.app or migration is None:
            continue
        halves = [x.operation for x in every(migration.operations) if of_half(x.operation, CONTRACT)]
        for half in halves:
            for inner in of_half(half, CONTRACT):
                if written(inner) == text and expansion_of(loader, key, half, inner) == expansion:
                    found.append(key)
    return found


def without_contract(loader: MigrationLoader, app_label: str) -> list[Expansion]:
    """Return the expansions of an app that have no Contract, in the order of its migrations."""
    leaves = loader.graph.leaf_nodes(app_label)
    plan = [key for leaf in leaves for key in loader.graph.forwards_plan(leaf) if key[0] == app_label]
    found = [x for key in dict.fromkeys(plan) for x in expansions(loader.graph.nodes[key])]
    return [x for x in found if not contracts_of(loader, x)]


def at(loader: MigrationLoader, whose: Whose) -> Any:
    """Return the operation at a place in a file; None if the place does not exist any more."""
    migration = loader.disk_migrations.get((whose.app, whose.migration))
    if migration is None or whose.operation >= len(migration.operations):
        return None
    operation = migration.operations[whose.operation]
    if whose.part is None:
        return operation
    parts = of_half(operation, EXPAND)
    return parts[whose.part] if whose.part < len(parts) else None


def states(loader: MigrationLoader, whose: Whose) -> tuple[Any, Any]:
    """Return the states of the project before and after an operation that exists."""
    state = loader.project_state((whose.app, whose.migration), at_end=False)
    migration = loader.disk_migrations[whose.app, whose.migration]
    before = migration.operations[: whose.operation]
    if whose.part is not None:
        before = [*before, *of_half(migration.operations[whose.operation], EXPAND)[: whose.part]]
    for operation in before:
        operation.state_forwards(whose.app, state)
    after = state.clone()
    at(loader, whose).state_forwards(whose.app, after)
    return state, after
