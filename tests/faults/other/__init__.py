"""Another app."""
