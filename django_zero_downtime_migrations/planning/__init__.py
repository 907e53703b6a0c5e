"""Statements of a call of the schema editor become a plan: split, put in order, judged, rewritten, merged."""
