"""Writes how values are put into the object ``o`` that is generated."""

from collections.abc import Sequence

from towpath.dataplane.mapper.unit import Body

Steps = tuple[str | int, ...]


class Targets:
    """The places that a mapping generates: names, and positions in lists."""

    def __init__(self, paths: Sequence[Steps]) -> None:
        # A value that is a parent of others too is copied before they are written into it; and lists grow.
        self._slow = {
            path[0]
            for path in paths
            if any(isinstance(step, int) for step in path)
            or any(other != path and other[: len(path)] == path for other in paths)
        }
        self._variables: dict[Steps, str] = {}
        for path in paths:
            for end in range(1, len(path)):
                if path[0] not in self._slow:
                    self._variables.setdefault(path[:end], f"n{len(self._variables)}")

    def begin(self, body: Body) -> None:
        """No object inside of ``o`` is there yet."""
        for variable in self._variables.values():
            body.line(f"{variable} = None")

    def store(self, body: Body, steps: Steps, generate: str) -> None:
        """Put ``v`` there, unless it is missing."""
        if steps[0] in self._slow:
            body.at(generate, "")
            with body.block("if v is not M:"):
                body.line(f"put(o, {body.constant(steps)}, v)")
            return
        with body.block("if v is not M:"):
            parent = "o"
            for end in range(1, len(steps)):
                variable = self._variables[steps[:end]]
                with body.block(f"if {variable} is None:"):
                    body.line(f"{variable} = {parent}[{body.constant(steps[end - 1])}] = {{}}")
                parent = variable
            body.line(f"{parent}[{body.constant(steps[-1])}] = v")
