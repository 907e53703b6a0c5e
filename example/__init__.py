"""A small shop whose migration history has every kind of change, and a demo that applies it under live traffic."""
