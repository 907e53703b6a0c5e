"""A PostgreSQL backend for Django whose migrations are safe on tables that are in use."""

__version__ = "1.0.0"
