"""The verdict on a finding: what eases it, and who accepts it.

``migrate``, ``sqlmigrate`` and ``check_migrations`` read findings that have gone through here, so they say the same.
"""

from __future__ import annotations

from .acceptances import Acceptances, acceptance
from .findings import Finding, Kind, Severity
from .plan import Context


def judged(finding: Finding, context: Context) -> Finding:
    """A rule's finding as it counts on this database and in this migration."""
    if finding.severity is Severity.REFUSE and finding.kind is Kind.LOCK and finding.lock is not None:
        finding = _eased(finding, context)
    if context.assured:
        return finding.accepted(context.assured)
    return accepted(finding, context.settings.accept, *context.migration)


def accepted(finding: Finding, stated: Acceptances, app: str, migration: str) -> Finding:
    """The finding, with the reason of the acceptance that covers it.

    :param app: label of the migration that it is in. :param migration: its name.
    """
    found = acceptance(stated, app, migration, finding.code)
    return finding.accepted(found.reason, found.key) if found else finding


def _eased(finding: Finding, context: Context) -> Finding:
    """What takes a moment stops others for a moment."""
    limit = context.settings.check_small_table
    size = context.catalog.size(finding.table).bytes if finding.table and limit else None
    return finding if size is None or size >= limit else finding.not_refused("the table is small")
