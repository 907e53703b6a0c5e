"""What we lean on in Django: tests that name it when a new version changes it."""
