"""The API families: each package is one, and knows services, core and the kit only."""
