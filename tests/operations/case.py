"""A case: tables with rows, and the operations of one migration that change them while they are in use."""

from __future__ import annotations

import copy
import datetime
import decimal
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from . import features

APP = "app"
ROWS = 200
#: A tablespace of this process's own: workers share the server.
TABLESPACE = f"test_space_{os.getpid()}"


@dataclass(frozen=True)
class Case:
    """A migration and the tables before it.

    :param data: SQL that turns the tables and their rows into what the case needs.
    :param random: columns whose values differ from run to run.
    :param atomic: False for a migration that stock Django takes only with ``atomic = False``: not inside a transaction.
    :param reversible: whether it can be taken back.
    :param settings: ZERO_DOWNTIME_MIGRATIONS for our engine.
    :param moves_column: a column is replaced by another one, which is the last then.
    :param renames_deferred: a deferred object is renamed before its SQL runs, which DEFERRED_SQL off prevents.
    """

    name: str
    before: Sequence[Operation]
    operations: Sequence[Operation]
    data: tuple[str, ...] = ()
    random: tuple[str, ...] = ()
    atomic: bool = True
    reversible: bool = True
    renames_deferred: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    moves_column: bool = False

    def __str__(self) -> str:
        return self.name

    def state(self) -> ProjectState:
        """Return what Django knows before the migration."""
        state = ProjectState()
        # A renaming operation changes the fields that it was given, and other tests have the same fields.
        for operation in copy.deepcopy(self.before):
            operation.state_forwards(APP, state)
        return state


def model(
    name: str, /, *, options: dict[str, Any] | None = None, bases: Any = None, **fields: models.Field[Any, Any]
) -> CreateModel:
    """Make a table; with a BigAutoField named ``id`` unless a field is the primary key."""
    keyed = bases or any(field.primary_key for field in fields.values())
    own = [] if keyed else [("id", models.BigAutoField(primary_key=True))]
    return CreateModel(name, [*own, *fields.items()], options or {}, bases)


def fk(to: str, **options: Any) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(f"{APP}.{to}", options.pop("on_delete", models.CASCADE), **options)


def one_to_one(to: str, **options: Any) -> models.OneToOneField[Any, Any]:
    return models.OneToOneField(f"{APP}.{to}", options.pop("on_delete", models.CASCADE), **options)


def check(condition: models.Q, name: str) -> models.CheckConstraint:
    given: dict[str, Any] = {"condition" if features.check_condition else "check": condition}
    return models.CheckConstraint(**given, name=name)


def fill(state: ProjectState, alias: str) -> None:
    """Put the same rows into every table of every database; foreign keys are checked at the end."""
    with transaction.atomic(alias):
        for each in state.apps.get_models(include_auto_created=True):
            if each._meta.managed and not each._meta.proxy:
                rows = [each(**_values(each, number)) for number in range(1, ROWS + 1)]
                # Rows of a parent model are made with the child's, one by one.
                if each._meta.parents:
                    continue
                each._base_manager.using(alias).bulk_create(rows)


def _values(each: type[models.Model], number: int) -> dict[str, Any]:
    fields = [x for x in each._meta.local_concrete_fields if not getattr(x, "generated", False)]
    return {x.attname: _value(x, number) for x in fields if not isinstance(x, models.AutoField | models.BigAutoField)}


def _value(field: Any, number: int) -> Any:
    if field.remote_field:
        return _value(field.target_field, number)
    kind = field.get_internal_type()
    match kind:
        case "CharField" | "TextField" | "SlugField":
            return f"v{number}"
        case "BooleanField":
            return bool(number % 2)
        case "DateField":
            return datetime.date(2020, 1, 1) + datetime.timedelta(days=number)
        case "DateTimeField":
            return datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(days=number)
        case "DecimalField":
            return decimal.Decimal(number)
        case "UUIDField":
            return uuid.UUID(int=number)
        case "JSONField":
            return {"number": number}
        case "ArrayField":
            return [number]
        case "IntegerRangeField":
            return (number, number + 1)
    return number


class MoveTable(Operation):
    """Move a table to another tablespace: an operation of Django's cannot, its editor can."""

    def __init__(self, name: str, old: str, new: str) -> None:
        self.name, self.old, self.new = name, old, new

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:
        editor.alter_db_tablespace(after.apps.get_model(app_label, self.name), self.old, self.new)

    def database_backwards(self, app_label: str, editor: Any, before: ProjectState, after: ProjectState) -> None:
        editor.alter_db_tablespace(after.apps.get_model(app_label, self.name), self.new, self.old)
