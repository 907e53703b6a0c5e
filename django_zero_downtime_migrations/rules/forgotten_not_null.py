"""A field that Django forgets while its column stays NOT NULL: the new code leaves it out of its INSERTs."""

from __future__ import annotations

from ..errors import Unsafe
from ..findings import Kind
from ..planning.rule import Rule

RULE = Rule(
    code="FORGOTTEN_NOT_NULL",
    text=Unsafe.FORGOTTEN_NOT_NULL,
    kind=Kind.COMPATIBILITY,
    only_checked=True,
    when="a field is removed from the state alone, and its column stays NOT NULL and without a default in the database",
    effect="every INSERT of the new code fails, since that leaves the column out",
    instead=(
        "make the column NULL before it is forgotten (AlterField with null=True), or give it a default in the database "
        "(db_default)"
    ),
).on_whole_plan()
