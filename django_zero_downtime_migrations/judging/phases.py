"""The pending migrations that the running code survives, so that they may be applied before a release."""

from __future__ import annotations

from typing import Any, Final

from ..django_types import Migration
from ..findings import Finding, Kind, Severity
from ..record import Row
from ..reporting.report import Entry
from ..settings import MigrationSettings
from .choice.selection import Key, Request, select
from .connect import connected
from .counted.sizes import DatabaseSizes
from .entries import JudgingOptions
from .judge import Judgement

#: Rules about the new code, about the migration's own code, or about queries that an ORM does not send.
NOT_OF_OLD_CODE: Final = frozenset(
    {
        "FORGOTTEN_FOREIGN_KEY",
        "FORGOTTEN_NOT_NULL",
        "NOT_ADDITIVE",
        "PREPARED_STATEMENTS",
        "PUBLISHED_TABLE",
        "ROW_TYPE_USED",
        "RUN_PYTHON_MODELS",
        "STATE_AHEAD",
    }
)


class Waits(Row):
    """A migration for after the release.

    :param why: in words.
    """

    migration: Any
    why: str

    def __str__(self) -> str:
        return f"{_name(_key(self.migration))}: {self.why}"


class Phases(Row):
    """The pending migrations, each part in the order in which they run."""

    before: tuple[Any, ...]
    after: tuple[Waits, ...]


def phases(alias: str) -> Phases:
    """Ask the checker which pending migrations break the running code. A migration that depends on one waits with it.

    A finding that the migration or ACCEPT accepts does not count. A ``stage`` of django-syzygy's, on the migration,
    counts instead of the findings.

    :param alias: the alias of the database.
    :raises CannotJudge: when the migrations or the database cannot be read.
    """
    connection = connected(alias)
    selection = select(Request(), connection)
    breaking: dict[Key, str] = {}
    if MigrationSettings.load(alias).old_code == "present":
        judgement = Judgement(selection, connection, DatabaseSizes(connection), JudgingOptions(one_deployment=True))
        for entry in judgement.report(alias).entries:
            if breaks_old_code(entry.finding):
                breaking.setdefault((entry.app, entry.migration), _why(entry))
    before, after = [], dict[Key, Waits]()
    for migration in selection.plan:
        key = _key(migration)
        own = _of_stage(migration, breaking.get(key, ""))
        waited_for = sorted(after.keys() & {parent.key for parent in selection.loader.graph.node_map[key].parents})
        why = own or (f"it depends on {_name(waited_for[0])}" if waited_for else "")
        if why:
            after[key] = Waits(migration, why)
        else:
            before.append(migration)
    return Phases(tuple(before), tuple(after.values()))


def breaks_old_code(finding: Finding) -> bool:
    """Return whether a statement of the code from before the deployment may fail for what was found."""
    is_one = finding.kind is Kind.COMPATIBILITY and finding.rule_severity is not Severity.NOTE
    return is_one and not finding.assured and finding.code not in NOT_OF_OLD_CODE


def _why(entry: Entry) -> str:
    where = f" [{entry.location}]" if entry.location else ""
    return f"{entry.finding.code}: {entry.finding.message}{where}"


def _of_stage(migration: Migration, why: str) -> str:
    """Return the reason to wait by the migration's own stage.

    :param why: the checker's reason.
    """
    match getattr(getattr(migration, "stage", None), "name", ""):
        case "PRE_DEPLOY":
            return ""
        case "POST_DEPLOY":
            return "its stage is POST_DEPLOY"
    return why


def _key(migration: Migration) -> Key:
    return migration.app_label, migration.name


def _name(key: Key) -> str:
    return ".".join(key)
