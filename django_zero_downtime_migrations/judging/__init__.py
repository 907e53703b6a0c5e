"""Pending or chosen migrations -> a report: the work of ``check_migrations``, without its command line."""
