"""Pending or chosen migrations -> a report: what ``check_migrations`` does, without its command line."""
