"""The migrations that are judged: all that are pending, those since a commit, or those of the index."""
