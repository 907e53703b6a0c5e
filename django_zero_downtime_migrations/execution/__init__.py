"""A plan meets the server (``run``) or becomes a script (``script``)."""
