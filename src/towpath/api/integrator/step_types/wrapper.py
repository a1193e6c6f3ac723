"""``wrapper.*``: functions of an extension server."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.step_types.systems import System
from towpath.api.integrator.step_types.words import Reading, Word, at, number, text

_READS = (
    Word("wrapper.function", "function", text),
    Word("wrapper.configuration", "configuration"),
)


def _kind(reading: Reading) -> Mapping[str, Any]:
    """What the function is told of the kind of export that it reads for."""
    kind = reading.document.get("type")
    found: dict[str, Any] = {"type": kind} if kind in ("delta", "once", "test") else {}
    if kind == "delta" and (field := at(reading.document, "delta.dateField")):
        found["date_field"] = field
    if kind == "once" and (field := at(reading.document, "once.booleanField")):
        found["boolean_field"] = field
    if kind == "test":
        found |= {"limit": 1} | reading.settings((Word("test.limit", "limit", number),))
    return found


SYSTEM = System("wrapper", frozenset({"wrapper"}), _READS, _READS, more_reads=_kind)
