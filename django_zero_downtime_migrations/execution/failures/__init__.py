"""A failure is explained: the rows in the way, the right that is missing, and what stays in the database."""
