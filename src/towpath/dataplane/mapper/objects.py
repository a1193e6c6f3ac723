"""Objects of a Mapper 2.0 document, and what every part of one can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from towpath.dataplane.lookups import Lookup
from towpath.dataplane.mapper.scope import Scope
from towpath.dataplane.mapper.unit import Body

#: When a part is mapped, as source.
GATES = {"record_created": "c.operation != 'update'", "record_updated": "c.operation == 'update'"}


class Node(Protocol):
    """A value, an object or a list that is generated."""

    @property
    def lookups(self) -> Sequence[Lookup]:
        """Those that it uses."""
        ...

    def write(self, body: Body, scope: Scope) -> None:
        """Lines after which ``v`` is what is generated, or `MISSING`."""
        ...


@dataclass(frozen=True)
class Object:
    """An object with named members; left out if none of them is there."""

    members: tuple[tuple[str, Node], ...]
    when: str | None = None

    @property
    def lookups(self) -> Sequence[Lookup]:
        return [lookup for _, node in self.members for lookup in node.lookups]

    def write(self, body: Body, scope: Scope) -> None:
        if self.when not in GATES:
            self._members(body, scope)
            return
        with body.block(f"if {GATES[self.when]}:"):
            self._members(body, scope)
        with body.block("else:"):
            body.line("v = M")

    def _members(self, body: Body, scope: Scope) -> None:
        name = body.fresh("o")
        body.line(f"{name} = {{}}")
        for key, node in self.members:
            node.write(body, scope)
            with body.block("if v is not M:"):
                body.line(f"{name}[{body.constant(key)}] = v")
        body.line(f"v = {name} or M")
