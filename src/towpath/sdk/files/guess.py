"""Types of text columns, inferred so that no value changes: a type must write every text as it was read.

``007`` and ``+5`` are text; ``1.50`` is a decimal with two places; ``1e5`` is a float only if the
double has exactly that value. A column is what *all* of its texts allow, and text if nothing else is.
"""

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from towpath.sdk.files.text import MisfitError, from_text

_NEGATIVE_ZERO = r"^-0(\.0*)?$"  # a decimal would lose its sign
_DECIMAL = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
_TIME = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?"
_PATTERNS = {
    "bool": r"^(true|false)$",
    "int64": r"^(0|-?[1-9][0-9]*)$",
    "decimal": _DECIMAL,
    "float": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$",
    "date": r"^\d{4}-\d\d-\d\d$",
    "timestamp": _TIME + "$",
    "timestamp_utc": _TIME + "Z$",
    "uuid": r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
}
_TYPES = {
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamp_utc": pa.timestamp("us", "UTC"),
    "uuid": pa.uuid(),
    "float": pa.float64(),
}
_DIGITS = 38


@dataclass
class Guess:
    """What one column may be, after all texts seen so far."""

    open: set[str] = field(default_factory=lambda: set(_PATTERNS))
    seen: bool = False
    whole: int = 1
    """Most digits before the point of any number, and after it."""
    places: int = 0

    def observe(self, texts: pa.Array) -> None:
        """Rule out what the texts do not allow."""
        told = pc.unique(texts.drop_null()).cast(pa.string())
        if not len(told):
            return
        self.seen = True
        for name in sorted(self.open):
            if not self._allows(name, told):
                self.open.discard(name)
        if "decimal" in self.open:
            self._measure(told)

    def _allows(self, name: str, told: pa.Array) -> bool:
        if not pc.all(pc.match_substring_regex(told, _PATTERNS[name])).as_py():
            return False
        if name == "decimal" and pc.any(pc.match_substring_regex(told, _NEGATIVE_ZERO)).as_py():
            return False
        kind = _TYPES.get(name)
        try:
            return kind is None or len(from_text(told, kind)) == len(told)
        except MisfitError:
            return False

    def _measure(self, told: pa.Array) -> None:
        parts = pc.extract_regex(told, r"^-?(?P<whole>[0-9]+)(?P<point>\.(?P<places>[0-9]+))?$")
        self.whole = max(self.whole, pc.max(pc.utf8_length(pc.struct_field(parts, "whole"))).as_py())
        self.places = max(self.places, pc.max(pc.utf8_length(pc.struct_field(parts, "places"))).as_py())

    def type(self) -> pa.DataType:
        """The narrowest type that holds all the texts."""
        if not self.seen:
            return pa.string()
        if "int64" in self.open:
            return pa.int64()
        if "decimal" in self.open and self.whole + self.places <= _DIGITS:
            return pa.decimal128(self.whole + self.places, self.places)
        return next((kind for name, kind in _TYPES.items() if name in self.open), pa.string())
