"""The verdict on a finding: what eases it, and which acceptance covers it.

``migrate``, ``sqlmigrate`` and ``check_migrations`` read findings that have gone through here, so they say the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..acceptances import Acceptances, acceptance
from ..ddl import statements as s
from ..findings import Finding, Kind, Severity
from ..naming import unquote
from .context import Context
from .online import is_small


def judged(finding: Finding, statement: s.Statement, context: Context) -> Finding:
    """Return a rule's finding as it counts on this database and in this migration.

    :param statement: what it is about.
    """
    if finding.severity is Severity.REFUSE and finding.kind is Kind.LOCK and finding.lock is not None:
        finding = _eased(finding, statement, context)
    if finding.severity is Severity.REFUSE and finding.kind is Kind.COMPATIBILITY and context.no_old_code:
        finding = finding.not_refused(context.no_old_code)
    if context.assured:
        return finding.accepted(context.assured)
    return accepted(finding, context.settings.accept, *context.migration)


def accepted(finding: Finding, stated: Acceptances, app: str, migration: str) -> Finding:
    """Return the finding, with the reason of the acceptance that covers it.

    :param app: label of the migration that it is in.
    :param migration: its name.
    """
    found = acceptance(stated, app, migration, finding.code)
    return finding.accepted(found.reason, found.key) if found else finding


def _eased(finding: Finding, statement: s.Statement, context: Context) -> Finding:
    """Ease a finding about small tables: a short statement blocks others only for a moment."""
    if not statement.table:
        return finding
    small = is_small(context, *{statement.table, *_also_read(statement, context)})
    return finding.not_refused("the table is small") if small else finding


def _also_read(statement: s.Statement, context: Context) -> Iterable[str]:
    """Return the tables whose foreign keys point to a column that changes its type: the server validates them again."""
    if not isinstance(statement, s.SetType):
        return ()
    column = unquote(statement.column)
    return (key.table for key in context.catalog.referencing(statement.table) if column in key.to_columns)
