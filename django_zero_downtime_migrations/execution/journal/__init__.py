"""What a migration has done, kept in the catalogue while it runs (docs/decisions/0006)."""
