"""The journal: completed work of a migration, kept in the catalogue while it runs (docs/decisions/0006)."""
