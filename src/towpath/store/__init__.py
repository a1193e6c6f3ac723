"""Tables, repositories and migrations of Towpath's own database."""
