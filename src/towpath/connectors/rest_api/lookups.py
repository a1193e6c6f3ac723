"""Lookups that ask the API: for the values in a mapping, and for whether a record is there already."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.connectors.rest_api import bodies
from towpath.connectors.rest_api.answers import MISSING
from towpath.connectors.rest_api.calls import Api, Call
from towpath.connectors.rest_api.parts import Header, Verdict
from towpath.sdk import ConfigError, Escape, Tools

_NOT_FOUND = 404


def look(api: Api, lookup: Mapping[str, Any], record: Any, tools: Tools) -> Sequence[Any]:
    """The hits, in order; none for 404 and where nothing lies at ``extract``. Raises `TowpathError`.

    It is as published: ``relativeURI``, ``method``, ``body`` (``postData``), ``extract``, ``headers``.
    """
    uri = _of(lookup, "relativeURI", "relative_uri")
    if not isinstance(uri, str) or not uri:
        raise ConfigError(
            "config.invalid",
            f"The lookup {lookup.get('name')!r} has no relativeURI to ask.",
            hint="Give it one, or a map of values.",
            field="lookups",
        )
    words = api.words.connection(tools)

    def render(text: str, escape: Escape = Escape.NONE) -> str:
        return tools.render(text, record, escape=escape, connection=words)

    method = str(lookup.get("method") or "GET").upper()
    template = _of(lookup, "body", "postBody", "postData", "post_body")
    body, kind = b"", ""
    if template and method not in ("GET", "HEAD"):
        body, kind = bodies.fill(template, api.media(None), render)
    headers = [Header.model_validate(header) for header in lookup.get("headers") or ()]
    url = api.url(render(uri, Escape.URI), tools)
    call = Call(method, url, api.headers(headers, render), body, kind, repeatable=True)
    response = api.call(call, tools)
    if response.status == _NOT_FOUND:
        return []
    answer = api.answer(response, tools)
    trouble = api.trouble(answer, Verdict())
    if trouble:
        raise trouble
    path = lookup.get("extract")
    found = answer.at(str(path)) if path else answer.value
    return _hits(found)


def named(lookups: Sequence[Mapping[str, Any]], templates: Sequence[str]) -> list[Mapping[str, Any]]:
    """The lookups that ask the API and that the templates name."""
    inside = " ".join(part for text in templates for part in _INSIDE.findall(text))
    words = set(_WORD.findall(inside))
    return [lookup for lookup in lookups if asks(lookup) and str(lookup.get("name")) in words]


def asks(lookup: Mapping[str, Any]) -> bool:
    """Whether the lookup asks the API, rather than a map."""
    return bool(_of(lookup, "relativeURI", "relative_uri"))


_INSIDE = re.compile(r"\{([^{}]+)\}")
_WORD = re.compile(r"[A-Za-z0-9_$-]+")


def _of(lookup: Mapping[str, Any], *names: str) -> Any:
    return next((lookup[name] for name in names if lookup.get(name)), None)


def _hits(found: Any) -> list[Any]:
    if found is MISSING:
        return []
    values = found if isinstance(found, list) else [found]
    return [value for value in values if value is not None and value != ""]
