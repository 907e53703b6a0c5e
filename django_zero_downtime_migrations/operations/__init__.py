"""Operations for migrations, a file each."""

from __future__ import annotations

from .safety_assured import SafetyAssured

__all__ = ["SafetyAssured"]
