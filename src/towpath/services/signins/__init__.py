"""People who sign in at another system, for a connection."""
