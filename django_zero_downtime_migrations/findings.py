"""What a rule found: one type for warnings, exceptions, reports and tests."""

from __future__ import annotations

import enum

from .locks import LockMode
from .record import Record


class Severity(enum.Enum):
    """``REFUSE`` stops a migration when RAISE_FOR_UNSAFE is on and warns when it is off."""

    REFUSE = "refuse"
    WARN = "warn"
    NOTE = "note"


class Kind(enum.Enum):
    LOCK = "lock"
    COMPATIBILITY = "compatibility"
    UNKNOWN = "unknown"


class Origin(Record):
    """Where in the migrations a statement comes from; what is not known is empty."""

    app: str = ""
    model: str = ""
    field: str = ""
    migration: str = ""
    #: The operation's place in its migration, from 0; None where it is not known.
    operation: int | None = None

    def __str__(self) -> str:
        name = ".".join(part for part in (self.app, self.model, self.field) if part)
        place = f"migration {self.app}.{self.migration}" if self.migration else ""
        return ", ".join(part for part in (name, place) if part)


class Finding(Record):
    """:param text: the rule's ``Unsafe`` text.
    :param message: what is wrong here, with names.
    :param instead: what to write instead.
    :param sql: the text of the statement, with its parameters in it.
    :param sent: the same as it is sent, which may have placeholders.
    """

    code: str
    text: str
    severity: Severity
    kind: Kind
    message: str
    instead: str
    sql: str
    table: str = ""
    lock: LockMode | None = None
    origin: Origin = Origin()
    #: The reason that the author of the migration gave; empty where nobody accepted the finding.
    assured: str = ""
    sent: str = ""

    @property
    def details(self) -> str:
        where = f" [{self.origin}]" if str(self.origin) else ""
        return f"{self.message}{where}\nInstead: {self.instead}"

    def __str__(self) -> str:
        return f"{self.text}\n{self.details}"

    def accepted(self, reason: str) -> Finding:
        return self.named(assured=reason)
