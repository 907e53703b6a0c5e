"""The parts of Django that we lean on: these tests name them when a new version changes them."""
