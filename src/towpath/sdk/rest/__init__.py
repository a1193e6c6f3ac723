"""Connectors described by a YAML file: a system's fields, its authentication, its streams.

A package may bring such a file: ``connector = load(Path(__file__).with_name("system.yaml"))``, under the
entry point ``system``.
"""

from towpath.sdk.rest.connector import load

__all__ = ["load"]
