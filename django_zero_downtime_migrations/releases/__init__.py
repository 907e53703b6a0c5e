"""``check_release``: the code of another release on the schema of this one, and the reverse, tried with the ORM."""
