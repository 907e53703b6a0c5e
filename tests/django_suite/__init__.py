"""Django's own test suites, run with an engine of ours or with any other."""
