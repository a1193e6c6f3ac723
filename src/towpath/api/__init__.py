"""The published API families."""
