"""A run of ``migrate``, from the signal with which it begins to the one with which it ends."""
