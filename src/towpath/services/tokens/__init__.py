"""Tokens of other systems: renewed once however many ask, revoked, registered."""
