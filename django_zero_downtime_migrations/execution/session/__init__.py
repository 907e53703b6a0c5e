"""The session that statements go through: its timeouts, a pooler between, and a second one that watches."""
