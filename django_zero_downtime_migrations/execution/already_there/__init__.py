"""A step's effect that is there already is compared with what is wanted, by definition."""
