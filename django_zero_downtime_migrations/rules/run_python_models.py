"""A data migration that uses the models as they are today, and not those of its own moment."""

from __future__ import annotations

from ..errors import Unsafe
from ..findings import Kind, Severity
from ..planning.rule import Rule

RULE = Rule(
    code="RUN_PYTHON_MODELS",
    text=Unsafe.RUN_PYTHON_MODELS,
    kind=Kind.COMPATIBILITY,
    severity=Severity.WARN,
    only_checked=True,
    when="the function of a RunPython uses models that are imported, and not those that its apps argument has",
    effect=(
        "it names the columns that the models have today: as soon as a later migration adds one, a new database, such "
        "as that of the tests, cannot be migrated, and a deployment of several releases at once fails"
    ),
    instead='ask for the model as it was at this point: apps.get_model("app", "Model")',
).on_whole_plan()
