"""Counts of a judgement: sizes of tables, and a baseline of findings that are known."""
