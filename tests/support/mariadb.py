"""Starts a real server for the tests."""
