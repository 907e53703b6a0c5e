"""One ``migrate`` at a time: advisory locks, or a lease where the session is not the client's own."""
