"""A step gets its lock: attempts that make no client wait, the sessions in the way, and standbys that replay."""
