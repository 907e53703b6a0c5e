"""Statements: the kinds of DDL, and how a text is read as one of them."""
