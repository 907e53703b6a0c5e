"""The facts about each operation of a migration: one table for all modules that have to know them.

It has all operations of Django, of ``django.contrib.postgres`` and of this package: an operation of a new Django that
is missing here is named by ``tests/contract/test_operations.py``. An operation of another package has the facts of the
class that it extends, unless it has methods of its own for the database; then it gets the careful answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any

from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

from .record import Row


class Reach(Enum):
    """How much of the project an operation may look at while it works."""

    #: No model at all.
    NOTHING = 0
    #: A model, and keys and tables of those that it points to.
    MODEL = 1
    #: Also the models that point to it.
    NEIGHBOURS = 2
    #: All models: Django itself renders them.
    EVERYTHING = 3


class Loses(Enum):
    """The loss of code that does not know of an operation once it has run."""

    NOTHING = 0
    FIELD = 1
    FIELD_NAME = 2
    #: A field's definition has changed.
    DEFINITION = 3
    MODEL = 4
    MODEL_NAME = 5
    #: Only its author knows.
    UNKNOWN = 6


class Facts(Row):
    """The facts about an operation.

    :ivar reach: how far it looks; or a function of the operation, the state before it and the label of its app.
    :ivar loses: by what it does to the state.
    :ivar adds: it only adds something, and ``--strict`` lets it pass; or a function of the operation. An operation that
        runs others adds nothing and removes nothing by itself.
    :ivar inside: the attribute with the operations that it runs on the database.
    :ivar as_migration: Django's own loop runs those, and begins each of them by itself. Otherwise the operation calls
        them, and to an editor they are a part of it.
    """

    reach: Reach | Callable[[Any, Any, str], Reach]
    loses: Loses = Loses.NOTHING
    adds: bool | Callable[[Any], bool] = False
    inside: str = ""
    as_migration: bool = False


def _of_field(operation: Any, state: Any, app_label: str) -> Reach:
    """Return how far an operation on a field looks: other models can only point to a unique field."""
    fields = state.models.get((app_label, operation.model_name_lower)).fields
    old = fields.get(getattr(operation, "old_name", None) or operation.name)
    return Reach.NEIGHBOURS if old is None or old.primary_key or old.unique else Reach.MODEL


def _without_default(operation: Any) -> bool:
    return operation.field.default is NOT_PROVIDED


UNKNOWN = Facts(Reach.EVERYTHING, Loses.UNKNOWN)
_ONE_MODEL = Facts(Reach.MODEL)
_NO_MODEL = Facts(Reach.NOTHING)
_DJANGO = {
    "AddConstraint": _ONE_MODEL,
    "AddField": Facts(Reach.MODEL, adds=_without_default),
    "AddIndex": _ONE_MODEL,
    "AlterConstraint": _ONE_MODEL,
    "AlterField": Facts(_of_field, Loses.DEFINITION),
    "AlterIndexTogether": _ONE_MODEL,
    "AlterModelManagers": _ONE_MODEL,
    "AlterModelOptions": Facts(Reach.MODEL, adds=True),
    "AlterModelTable": _ONE_MODEL,
    "AlterModelTableComment": _ONE_MODEL,
    "AlterOrderWithRespectTo": _ONE_MODEL,
    "AlterTogetherOptionOperation": _ONE_MODEL,
    "AlterUniqueTogether": _ONE_MODEL,
    "CreateModel": Facts(Reach.MODEL, adds=True),
    "DeleteModel": Facts(Reach.MODEL, Loses.MODEL),
    "RemoveConstraint": _ONE_MODEL,
    "RemoveField": Facts(Reach.MODEL, Loses.FIELD),
    "RemoveIndex": _ONE_MODEL,
    "RenameField": Facts(_of_field, Loses.FIELD_NAME),
    "RenameIndex": _ONE_MODEL,
    "RenameModel": Facts(Reach.NEIGHBOURS, Loses.MODEL_NAME),
    "RunPython": Facts(Reach.EVERYTHING, Loses.UNKNOWN),
    "RunSQL": Facts(Reach.MODEL, Loses.UNKNOWN),
    "SeparateDatabaseAndState": Facts(Reach.MODEL, adds=True, inside="database_operations"),
}
_POSTGRES = {
    "AddConstraintNotValid": _ONE_MODEL,
    "AddIndexConcurrently": _ONE_MODEL,
    "CreateCollation": _NO_MODEL,
    "CreateExtension": _NO_MODEL,
    "RemoveCollation": _NO_MODEL,
    "RemoveIndexConcurrently": _ONE_MODEL,
    "ValidateConstraint": _ONE_MODEL,
}
_OURS = {
    # A Subquery may look at any model.
    "Backfill": Facts(Reach.EVERYTHING),
    # Its operations are those of the Expand, of whose states it makes its own.
    "Contract": Facts(Reach.NOTHING, inside="operations"),
    "EnsureBackfilled": Facts(Reach.NOTHING, adds=True),
    "Expand": Facts(Reach.EVERYTHING, adds=True, inside="operations"),
    "ReplaceField": Facts(Reach.EVERYTHING, Loses.FIELD),
    "SafetyAssured": Facts(Reach.MODEL, adds=True, inside="operations", as_migration=True),
}
#: The facts by the package of the class, and its name.
FACTS = {
    "django.db.migrations.operations": _DJANGO,
    "django.contrib.postgres.operations": _POSTGRES,
    f"{__package__}.operations": _OURS,
}
#: The methods by which Django lets an operation work, on the database and on the state.
ON_DATABASE = frozenset({"database_forwards", "database_backwards"})
ON_STATE = frozenset({"state_forwards"})


def facts(kind: type[Operation], work: frozenset[str] = ON_DATABASE) -> Facts:
    """Return the facts about the operations of a class.

    :param work: the methods that would have to be known.
    :returns: :data:`UNKNOWN` if the class, or one that it extends, has one of its own that is not in the table.
    """
    for each in kind.__mro__:
        for package, known in FACTS.items():
            if f"{each.__module__}.".startswith(f"{package}.") and each.__name__ in known:
                return known[each.__name__]
        if not work.isdisjoint(vars(each)):
            break
    return UNKNOWN


def reach(operation: Operation, state: Any, app_label: str) -> Reach:
    """Return how much of the project an operation looks at.

    :param state: the state before it.
    """
    known = facts(type(operation)).reach
    return known if isinstance(known, Reach) else known(operation, state, app_label)


def loses(operation: Operation) -> Loses:
    """Return what code that does not know of an operation loses once it has run."""
    return facts(type(operation), ON_STATE).loses


def adds(operation: Operation) -> bool:
    """Return whether an operation, without its inner operations, only adds something."""
    known = facts(type(operation)).adds
    return known if isinstance(known, bool) else known(operation)


def touches_no_table(operation: Operation) -> bool:
    return facts(type(operation)).reach is Reach.NOTHING


def is_known(operation: Operation) -> bool:
    """Return whether it is known what an operation does to the database."""
    return facts(type(operation)) is not UNKNOWN


def runs_code(operation: Operation) -> bool:
    """Return whether an operation runs the user's own code, whose effect SQL does not show."""
    return not operation.reduces_to_sql or getattr(operation, "each", None) is not None


def parts(operation: Operation) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield the operations that an operation runs on the database, by the attribute that has them.

    For an unknown operation these are all attributes that contain operations; such an attribute may contain other
    objects as well.
    """
    known = facts(type(operation))
    if known is not UNKNOWN:
        if known.inside:
            yield known.inside, list(getattr(operation, known.inside))
        return
    for name in dict.fromkeys(("database_operations", "operations", *vars(operation))):
        inner = getattr(operation, name, None)
        each = inner if isinstance(inner, (list, tuple)) else [inner]
        # Django runs the operations of this attribute on the state alone.
        if name != "state_operations" and any(map(is_operation, each)):
            yield name, each


def is_operation(value: object) -> bool:
    """Return whether Django could run it."""
    return callable(getattr(type(value), "database_forwards", None))


def inside(operation: Operation) -> list[Operation]:
    """Return the operations that an operation runs on the database."""
    return [each for _, inner in parts(operation) for each in inner if is_operation(each)]


def called_inside(operation: Operation) -> list[Operation]:
    """Return the same, except operations that are run as a migration."""
    return [] if facts(type(operation)).as_migration else inside(operation)
