"""A row of a model for a trial: defaults where the model has them, and else some value of the field's type."""

from __future__ import annotations

import datetime
import decimal
import itertools
import secrets
import uuid
from collections.abc import Callable
from typing import Any, Final

from django.db import models

from ..compat import has_db_default

#: The two releases' processes do not begin with the same number.
_numbers = itertools.count(secrets.randbelow(20_000))
#: Values by ``Field.get_internal_type()``. The number differs for each of them, for unique fields.
_BY_TYPE: Final[dict[str, Callable[[Any, int], Any]]] = {
    "BinaryField": lambda field, n: b"%d" % n,
    "BooleanField": lambda field, n: False,
    "CharField": lambda field, n: _text(field, n),
    "DateField": lambda field, n: datetime.date(2000, 1, 1) + datetime.timedelta(days=n),
    "DateTimeField": lambda field, n: (
        datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=n)
    ),
    "DecimalField": lambda field, n: decimal.Decimal(n % 9).scaleb(-field.decimal_places),
    "DurationField": lambda field, n: datetime.timedelta(seconds=n),
    "FileField": lambda field, n: _text(field, n),
    "FilePathField": lambda field, n: _text(field, n),
    "FloatField": lambda field, n: float(n),
    "GenericIPAddressField": lambda field, n: f"10.0.{n // 250 % 250}.{n % 250}",
    "JSONField": lambda field, n: {},
    "SlugField": lambda field, n: _text(field, n),
    "TextField": lambda field, n: _text(field, n),
    "TimeField": lambda field, n: datetime.time(n // 3600 % 24, n // 60 % 60, n % 60),
    "UUIDField": lambda field, n: uuid.uuid4(),
    "ArrayField": lambda field, n: [],
    "HStoreField": lambda field, n: {},
}
_INTEGERS: Final = ("IntegerField", "SmallIntegerField", "BigIntegerField")


def instance(model: type[models.Model]) -> Any:
    """Return an object of a model that is not saved; what a database default or the server gives is left to it."""
    made: Any = model()
    for field in model._meta.concrete_fields:
        if _has_to_be_given(field, made):
            setattr(made, field.attname, value(field))
    return made


def _has_to_be_given(field: Any, made: Any) -> bool:
    if isinstance(field, models.AutoField) or getattr(field, "generated", False) or field.null:
        return False
    if has_db_default and field.db_default is not models.NOT_PROVIDED:
        return False
    link = field.remote_field is not None and getattr(field.remote_field, "parent_link", False)
    if link or field.has_default():
        return bool(field.unique and not link and not callable(field.default))
    # An empty text is the default of a text field, and the second one is not unique.
    return getattr(made, field.attname) is None or field.unique or not field.empty_strings_allowed


def value(field: Any) -> Any:
    """Return a value for a field; None for a type that is not known, which a column that is NOT NULL then refuses."""
    while field.remote_field is not None:
        field = field.target_field
    if field.choices:
        return next(iter(field.flatchoices))[0]
    number = next(_numbers)
    kind = field.get_internal_type()
    if kind in _BY_TYPE:
        return _BY_TYPE[kind](field, number)
    is_integer = kind.removeprefix("Positive") in _INTEGERS or isinstance(
        field, (models.IntegerField, models.AutoField)
    )
    return number % 30_000 if is_integer else None


def _text(field: Any, number: int) -> str:
    text = f"{number:x}"
    return text[-field.max_length :] if field.max_length else text
