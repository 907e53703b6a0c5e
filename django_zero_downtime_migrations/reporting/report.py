"""The report of ``check_migrations``: the data that every format is made from."""

from __future__ import annotations

import hashlib

from ..findings import Finding, Severity
from ..places import Location
from ..record import Record
from .forecast import LongStep


class Entry(Record):
    """A finding and its origin.

    :param app: label of the migration's app.
    :param migration: its name.
    :param operation: the operation's class (``AddField``).
    :param severity: as it counts, in every program.
    :param eased: why that is less than the rule's; empty if it is not.
    :param rows: about how many the table has; None if they were not counted.
    :param size: bytes of the table with its indexes; None if it is not known.
    :param example: what to write instead, as Python for this model and field; empty without an example.
    :param baselined: the baseline file has it: it is shown, and does not count.
    """

    finding: Finding
    app: str
    migration: str
    operation: str
    severity: Severity
    location: Location | None = None
    eased: str = ""
    rows: int | None = None
    size: int | None = None
    example: str = ""
    baselined: bool = False

    @property
    def counts(self) -> bool:
        """Whether it can make the check fail: neither the migration, ACCEPT nor the baseline has it."""
        return not (self.baselined or self.finding.assured)

    @property
    def lock(self) -> str:
        """PostgreSQL's name of the lock on the table (``ACCESS EXCLUSIVE``), or nothing."""
        return str(self.finding.lock or "")

    @property
    def blocks(self) -> str:
        """The statements that wait while the lock is held: ``reads and writes``, ``writes`` or nothing."""
        lock = self.finding.lock
        if lock is None or not lock.blocks_traffic:
            return ""
        return "reads and writes" if lock.blocks_reads else "writes"

    @property
    def fingerprint(self) -> str:
        """An identity of the finding, the same on every machine and after edits elsewhere in its file (hexadecimal)."""
        finding = self.finding
        parts = (
            finding.code,
            self.app,
            self.migration,
            self.operation,
            finding.origin.model,
            finding.origin.field,
            finding.table,
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


class Unanalysed(Record):
    """An operation whose statements are unknown.

    :param why: ``RunPython``, or why its SQL was not read.
    """

    app: str
    migration: str
    operation: str
    why: str
    location: Location | None = None


class UnusedAssurance(Record):
    """A ``SafetyAssured`` in which no rule found anything, or a key of ACCEPT that nothing judged needs.

    :param migration: for a whole app, the last one that was judged.
    :param accept: the key; empty for a ``SafetyAssured``.
    """

    app: str
    migration: str
    reason: str
    location: Location | None = None
    accept: str = ""

    @property
    def what(self) -> str:
        return f"key {self.accept!r} of ACCEPT" if self.accept else "SafetyAssured"


class Report(Record):
    """Everything that one run found.

    :param entries: in the order in which ``migrate`` would come to them.
    :param migrations: how many were judged.
    :param judged: their names, with the apps' labels.
    :param not_judged: how many of installed packages were left out.
    :param excluded: how many the project has excluded.
    :param database: its alias; empty without a database.
    :param forecast: the steps on large tables that take their time, in the order in which they run.
    """

    entries: tuple[Entry, ...] = ()
    unanalysed: tuple[Unanalysed, ...] = ()
    unused_assurances: tuple[UnusedAssurance, ...] = ()
    migrations: int = 0
    judged: tuple[str, ...] = ()
    not_judged: int = 0
    excluded: int = 0
    database: str = ""
    forecast: tuple[LongStep, ...] = ()

    def of(self, severity: Severity) -> list[Entry]:
        """Return the entries that count with this severity."""
        return [entry for entry in self.entries if entry.counts and entry.severity is severity]


class Options(Record):
    """The form of a report.

    :param colour: escape sequences of a terminal may be used.
    :param failing: the severities that make the check fail.
    :param unanalysed_fails: so does an operation that is not analysed.
    """

    colour: bool = False
    failing: tuple[Severity, ...] = (Severity.REFUSE,)
    unanalysed_fails: bool = False
