"""A long step tells its progress: the server is asked, a log line or the terminal's line says it."""
