"""The demo: the shop's migrations under live traffic, through our backend and through stock Django."""
