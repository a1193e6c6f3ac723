"""The built-in connectors: each knows the sdk only, and is found by its entry point."""
