"""Towpath: keep, move and lend a business's data connections."""

__version__ = "0.1.0"
