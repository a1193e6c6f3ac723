"""The API families that the server has: the one place where they are listed."""

from collections.abc import Sequence

from towpath.api import broker, console, integrator, partners
from towpath.api.kit.family import Family


def families() -> Sequence[Family]:
    """In the order of the documentation."""
    return (broker.family, partners.family, console.family, integrator.family)
