"""Examples of safe migrations, written out for the user's own models."""
