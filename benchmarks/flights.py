"""The five real tables, and the programs of the server that serves them."""

from pathlib import Path

from support.postgres import _binary
from towpath.cli.demo.data import TABLES, load

__all__ = ["TABLES", "binary", "load"]


def binary(name: str) -> Path:
    """Path of a program such as ``psql`` that comes with the server's wheel."""
    return Path(_binary(name))
