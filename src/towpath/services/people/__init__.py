"""Who may come in: users with their sessions, programs with their keys, customers."""
