"""Families as the server has them: which one a request is for, and how it is refused before it gets there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import Receive, Scope, Send

from towpath.api.kit.errors import Errors
from towpath.api.kit.family import Family
from towpath.services.context import Rooms


@dataclass(frozen=True)
class Mounted:
    """A family's application, built."""

    family: Family
    app: FastAPI
    errors: Errors
    templates: Mapping[Callable[..., Any], str]
    """The path of each endpoint as its document writes it: few, whatever paths are asked for."""

    def route(self, scope: Scope) -> str:
        """The template that a request was for, once it was answered; ``-`` for none of them."""
        return self.templates.get(scope.get("endpoint", id), "-")

    def unmetered(self, path: str) -> bool:
        """Whether the path is a hot one; see `Family.unmetered`."""
        return path.startswith(self.family.unmetered)


def mount(family: Family, rooms: Rooms) -> Mounted:
    app = family.build(rooms)
    # Written forms last: of both slash forms they are the ones that stay.
    routes = sorted(iter_route_contexts(app.routes), key=lambda route: route.include_in_schema)
    templates = {route.endpoint: route.path_format for route in routes if route.endpoint}
    return Mounted(family, app, app.state.errors, {call: path for call, path in templates.items() if path})


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
