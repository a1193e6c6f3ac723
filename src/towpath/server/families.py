"""The API families that the server has: the one place where they are listed."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from towpath.api.kit.family import Family

_PACKAGES = ("towpath.api.broker", "towpath.api.partners")


def families() -> Sequence[Family]:
    """In the order of the documentation."""
    found = [(name, find_spec(name)) for name in _PACKAGES]
    return [import_module(name).family for name, spec in found if spec and spec.origin]
