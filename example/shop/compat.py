"""The different spellings of newer Django versions; each question is asked of Django itself."""

from __future__ import annotations

import inspect
from typing import Any

from django.db import models


def knows(callable_: Any, argument: str) -> bool:
    return argument in inspect.signature(callable_.__init__).parameters


HAS_DATABASE_DEFAULT = knows(models.Field, "db_default")


def database_default(value: Any) -> dict[str, Any]:
    """A default that the database fills in where code does not know the column; before 5.0, NULL does that."""
    if HAS_DATABASE_DEFAULT:
        return {"db_default": value}
    return {"null": True}


def check_constraint(condition: models.Q, name: str) -> models.CheckConstraint:
    """A CHECK constraint: 5.1 renamed the argument `check` to `condition`."""
    argument = "condition" if knows(models.CheckConstraint, "condition") else "check"
    return models.CheckConstraint(**{argument: condition, "name": name})
