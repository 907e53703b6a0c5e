"""Our engine with every table treated as one that is in use, also those that the same migration made."""
