"""``install_git_hooks``: the ancestor's other name of ``insert_git_hooks``."""

from __future__ import annotations

from .insert_git_hooks import Command

__all__ = ["Command"]
