from __future__ import annotations

from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from .project import Release


@pytest.fixture
def release(tmp_path: Path, database: BaseDatabaseWrapper) -> Release:
    """A project in git, whose first release is tagged."""
    return Release(tmp_path, database)
