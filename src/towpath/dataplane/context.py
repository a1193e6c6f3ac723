"""What the languages know besides the record that they are given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from towpath.dataplane.templates.environment import DEFAULT, Environment

#: Asks a dynamic lookup: (name of the lookup, value that is looked for, record). Returns the values found, in
#: order; none if there is no hit. Errors that it raises end the mapping as they are.
Look: TypeAlias = Callable[[str, Any, Any], Sequence[Any]]


def _no_look(_name: str, _value: Any, _record: Any) -> Sequence[Any]:
    """Where nobody is there to ask, nothing is found."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Around a record: what was set, what will be done with it, whom to ask."""

    words: Mapping[str, Any] = field(default_factory=dict)
    """``settings``, ``connection``, ``job``, ``import`` …: seen by templates, filters and envelopes."""
    look: Look = _no_look
    operation: Literal["create", "update"] | None = None
    """None: not known; taken for a create."""
    existing: Any = None
    """The record as it is in the system that is written to, where it was read before."""
    environment: Environment = DEFAULT
    """What templates know besides: the time, chance."""


#: For whoever has nothing to tell.
NOTHING = Context()
