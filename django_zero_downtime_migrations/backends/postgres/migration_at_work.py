"""Which migration calls the schema editor. Django tells its editor nothing of it."""

from __future__ import annotations

import sys
from types import FrameType


def migration_at_work() -> tuple[str, str] | None:
    """App label and name of the innermost migration that is being applied or taken back; None outside of one.

    ``Migration.apply()`` and ``unapply()`` are what every way of running migrations ends in: ``migrate``,
    ``sqlmigrate`` and other packages' executors.
    """
    # Imported here: Django's migrations import its models, and a backend is loaded before them.
    from django.db.migrations import Migration

    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in ("apply", "unapply"):
            found = frame.f_locals.get("self")
            if isinstance(found, Migration) and not getattr(found, "part_of_operation", False):
                return found.app_label, found.name
        frame = frame.f_back
    return None
