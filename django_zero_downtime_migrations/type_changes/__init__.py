"""The effect of ``ALTER TABLE … ALTER COLUMN … TYPE`` on a table with data, told from the catalogue before it is sent.

The rules are PostgreSQL's own, repeated here: which casts the planner simplifies away, which indexes keep their file,
which constraints are verified again, which dependents stop it. What is not known for sure counts as a rewrite.
"""

from __future__ import annotations

from .effect import Effect, Gone, TypeChange

__all__ = ["Effect", "Gone", "TypeChange"]
