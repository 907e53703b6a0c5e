"""The state of the database, as far as a migration has to know it, now and after the planned statements have run."""
