"""The finding of a rule: one type for warnings, exceptions, reports and tests."""

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
    """The place in the migrations that a statement comes from; unknown parts are empty."""

    app: str = ""
    model: str = ""
    field: str = ""
    migration: str = ""
    #: The operation's place in its migration, from 0; None if it is not known.
    operation: int | None = None

    def __str__(self) -> str:
        name = ".".join(part for part in (self.app, self.model, self.field) if part)
        place = f"migration {self.app}.{self.migration}" if self.migration else ""
        return ", ".join(part for part in (name, place) if part)


class Finding(Record):
    """A finding.

    :param text: the rule's ``Unsafe`` text.
    :param severity: as it counts, in every program.
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
    #: The reason that was given for accepting the finding; empty if it is not accepted.
    assured: str = ""
    sent: str = ""
    #: The key of ACCEPT that has the reason; empty if the migration itself has it.
    accept: str = ""
    #: Why it counts for less than its rule says; empty if it does not.
    eased: str = ""
    #: The rule's own severity if the finding is eased.
    severity_before: Severity | None = None

    @property
    def rule_severity(self) -> Severity:
        return self.severity_before or self.severity

    @property
    def remark(self) -> str:
        """The remark behind its message in a line of a log or script; empty unless it is eased or accepted."""
        eased = f" (not refused: {self.eased})" if self.eased else ""
        return eased + (f" (accepted: {self.assured})" if self.assured else "")

    @property
    def details(self) -> str:
        where = f" [{self.origin}]" if str(self.origin) else ""
        eased = f" (not refused: {self.eased})" if self.eased else ""
        return f"{self.message}{where}{eased}\nInstead: {self.instead}"

    def __str__(self) -> str:
        return f"{self.text}\n{self.details}"

    def accepted(self, reason: str, accept: str = "") -> Finding:
        """Return the finding as accepted.

        :param accept: the key of ACCEPT that has the reason.
        """
        return self.named(assured=reason, accept=accept)

    def not_refused(self, why: str) -> Finding:
        """Return the finding as a warning."""
        return self.named(severity=Severity.WARN, eased=why, severity_before=self.severity)
