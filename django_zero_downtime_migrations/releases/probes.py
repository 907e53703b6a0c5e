"""The trial of each model: its own SELECT, INSERT, UPDATE and DELETE, in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from django.apps import apps
from django.db import Error, connections, models, router, transaction
from django.db.models import signals
from django.db.models.deletion import Collector

from ..record import Row
from .values import instance

ACTIONS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


class Failure(Row):
    """A statement of the ORM's that failed.

    :param model: the model's label.
    :param action: one of :data:`ACTIONS`, for the object that was tried; the statement may be about another table.
    :param error: the server's message, or what Python raised.
    :param sql: the statement; empty if none was sent.
    """

    model: str
    action: str
    error: str
    sql: str


def mute_signals() -> None:
    """Take the receivers of the models' signals away in this process: no trial sends a message or starts a task."""
    for signal in (signals.pre_save, signals.post_save, signals.pre_delete, signals.post_delete, signals.m2m_changed):
        signal.receivers = []
        signal.sender_receivers_cache.clear()


def probe(alias: str) -> list[Failure]:
    """Try all models that this database has.

    :param alias: of a database that was made for the trial.
    """
    return [failure for model in _models(alias) for failure in _of_model(model, alias)]


def _models(alias: str) -> Iterator[type[models.Model]]:
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.managed and not meta.proxy and not meta.swapped and router.allow_migrate_model(alias, model):
            yield model


def fill(alias: str) -> None:
    """Write a row of each model, as far as its foreign keys have something to point to: a table without rows is not one
    that code uses, and what is removed from it goes at once.

    :param alias: as :func:`probe`.
    """
    left = list(_models(alias))
    while left:
        without = [model for model in left if not _is_filled(model, alias)]
        if len(without) == len(left):
            return
        left = without


def empty(alias: str) -> None:
    """Delete the rows that :func:`fill` has written, and all others of these tables."""
    with connections[alias].cursor() as cursor:
        there = set(connections[alias].introspection.table_names(cursor))
        tables = sorted({model._meta.db_table for model in _models(alias)} & there)
        if tables:
            cursor.execute(f"TRUNCATE {', '.join(map(connections[alias].ops.quote_name, tables))} CASCADE")


def _is_filled(model: type[models.Model], alias: str) -> bool:
    try:
        with transaction.atomic(using=alias):
            row = instance(model)
            fields: list[Any] = [field for field in model._meta.concrete_fields if field.remote_field is not None]
            for field in fields:
                if getattr(row, field.attname) is not None:
                    rows = field.related_model._base_manager.using(alias)
                    setattr(row, field.attname, rows.values_list(field.target_field.attname, flat=True)[:1].get())
            models.Model.save_base(row, using=alias, force_insert=True)
    except Exception:  # there is nothing that a key can point to; or a field of another package's may do anything
        return False
    return True


def _of_model(model: type[models.Model], alias: str) -> list[Failure]:
    with transaction.atomic(using=alias):
        with connections[alias].cursor() as cursor:
            # Foreign keys of Django's are deferrable: what a row points to does not have to be there.
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        found = list(_tried(model, alias))
        transaction.set_rollback(True, using=alias)
    return found


def _tried(model: type[models.Model], alias: str) -> Iterator[Failure]:
    row: Any = None
    steps: tuple[Callable[[], Any], ...] = (
        lambda: list(model._base_manager.using(alias)[:1]),
        lambda: models.Model.save_base(row, using=alias, force_insert=True),
        lambda: models.Model.save_base(row, using=alias, force_update=True) if _has_more(model) else None,
        lambda: _delete(row, alias),
    )
    for action, step in zip(ACTIONS, steps, strict=True):
        sent: list[str] = []
        try:
            if action == "INSERT":
                row = instance(model)
            with transaction.atomic(using=alias), connections[alias].execute_wrapper(_noting(sent)):
                step()
        except Error as error:
            yield Failure(model._meta.label, action, _one_line(error), sent[-1] if sent else "")
            if action == "INSERT":
                # Without a row, there is nothing to update.
                return
        except Exception as error:  # a field of another package's may do anything
            yield Failure(model._meta.label, action, f"{type(error).__name__}: {_one_line(error)}", "")
            if action == "INSERT":
                return


def _has_more(model: type[models.Model]) -> bool:
    """Return whether a model has a column beside its key, which an UPDATE could write."""
    return any(not field.primary_key for field in model._meta.local_concrete_fields)


def _delete(row: models.Model, alias: str) -> None:
    collector = Collector(using=alias)
    collector.collect([row])
    collector.delete()


def _noting(sent: list[str]) -> Callable[..., Any]:
    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, params, many, context)

    return note


def _one_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].strip() or type(error).__name__
