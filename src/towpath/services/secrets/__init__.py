"""Secrets on their way in and out: sealed, masked, and shown as references."""
