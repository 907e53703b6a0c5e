"""The differences between the supported Django versions: the only place that reads ``django.VERSION``."""

from __future__ import annotations

from typing import Any

import django

#: ``Field.db_default`` exists, and ``KEEP_DEFAULT`` is obsolete.
has_db_default: bool = django.VERSION >= (5, 0)

#: ``django.tasks`` exists: a project can have workers for its own code.
has_tasks: bool = django.VERSION >= (6, 0)

#: The ``params`` with which the editor's exit runs deferred statements. ``()`` lets the driver collapse ``%%``, None
#: does not.
deferred_params: tuple[Any, ...] | None = None if django.VERSION >= (5, 0) else ()
