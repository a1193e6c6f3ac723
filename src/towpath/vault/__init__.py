"""Envelope encryption of connections' secrets."""
