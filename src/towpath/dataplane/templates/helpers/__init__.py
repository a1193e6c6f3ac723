"""The helpers of the template language, by theme; `HELPERS` has them all by name."""

from towpath.dataplane.templates.helpers import (
    codecs,
    expressions,
    lists,
    logic,
    moments,
    numbers,
    signing,
    strings,
)
from towpath.dataplane.templates.helpers.base import Helper

__all__ = ["HELPERS", "Helper"]

HELPERS: dict[str, Helper] = (
    codecs.HELPERS
    | expressions.HELPERS
    | lists.HELPERS
    | logic.HELPERS
    | moments.HELPERS
    | numbers.HELPERS
    | signing.HELPERS
    | strings.HELPERS
)
