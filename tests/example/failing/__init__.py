"""A backend that cannot do one of the shop's migrations."""
