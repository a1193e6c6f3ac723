"""Families as the server has them: which one a request is for, and how it is refused before it gets there."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import Receive, Scope, Send

from towpath.api.kit.errors import Errors
from towpath.api.kit.family import Family
from towpath.services.context import Rooms

#: A parameter of this name in the path of a route is a secret: no log shows it.
PRIVATE = "{token}"
_PARAMETER = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class Mounted:
    """A family's application, built."""

    family: Family
    app: FastAPI
    errors: Errors

    # Looking through all routes costs more than all else at the start: only if the family is asked anything.
    @cached_property
    def templates(self) -> Mapping[Callable[..., Any], str]:
        """The path of each endpoint as its document writes it: few, whatever paths are asked for."""
        found = [
            (route.include_in_schema, -len(route.path_format), route.endpoint, route.path_format)
            for route in iter_route_contexts(self.app.routes)
            if route.endpoint and route.path_format
        ]
        # Of both slash forms the last one stays: that of the document, or else the short one.
        return {endpoint: path for *_, endpoint, path in sorted(found, key=lambda row: row[:2])}

    @cached_property
    def private(self) -> tuple[re.Pattern[str], ...]:
        """What paths with a secret in them begin with."""
        before = {path.partition(PRIVATE)[0] for path in self.templates.values() if PRIVATE in path}
        return tuple(re.compile(_PARAMETER.sub("[^/]+", path)) for path in sorted(before))

    def route(self, scope: Scope) -> str:
        """The template that a request was for, once it was answered; ``-`` for none of them."""
        return self.templates.get(scope.get("endpoint", id), "-")

    def loggable(self, scope: Scope) -> str:
        """The path as it came, percent signs and all: decoded it could break a line. Of paths that may hold a
        secret only the template.
        """
        if any(pattern.match(scope["path"]) for pattern in self.private):
            return self.route(scope)
        raw: bytes = scope.get("raw_path") or b"-"
        return raw.decode("latin-1")

    def unmetered(self, path: str) -> bool:
        """Whether the path is a hot one; see `Family.unmetered`."""
        return path.startswith(self.family.unmetered)

    def max_body(self, path: str) -> int:
        """How many bytes the family takes at this path; 0 for what all take. See `Family.max_body`."""
        return max(
            (size for prefix, size in self.family.max_body.items() if path.startswith(prefix)), default=0
        )


def mount(family: Family, rooms: Rooms) -> Mounted:
    app = family.build(rooms)
    return Mounted(family, app, app.state.errors)


class Families:
    """All families by their prefixes; ``rest`` takes what is nobody's."""

    def __init__(self, families: Sequence[Mounted], rest: Mounted) -> None:
        prefixes = [(prefix, mounted) for mounted in families for prefix in mounted.family.prefixes]
        self._prefixes = sorted(prefixes, key=lambda pair: len(pair[0]), reverse=True)
        self._rest = rest

    def of(self, path: str) -> Mounted:
        """The family with the longest prefix of the path, in whole segments."""
        for prefix, mounted in self._prefixes:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                return mounted
        return self._rest


def mounted(scope: Scope) -> Mounted:
    """The family that the request is for; the server has put it there."""
    found: Mounted = scope["state"]["mounted"]
    return found


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer in the envelope of the family."""
    await mounted(scope).errors.refuse(status, message, headers)(scope, receive, send)
