"""Operations for migrations, a file each."""

from __future__ import annotations

from .backfill import Backfill
from .ensure_backfilled import EnsureBackfilled
from .halves import Contract, Expand
from .replace_field import ReplaceField
from .safety_assured import SafetyAssured

__all__ = ["Backfill", "Contract", "EnsureBackfilled", "Expand", "ReplaceField", "SafetyAssured"]
