"""Connectors described by a YAML file: a system's fields, its authentication, its streams."""
