"""``rest.*`` and ``http.*``: one dialect of ours for both."""

import re
from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.step_types.systems import System
from towpath.api.integrator.step_types.words import Word, flag, number, one, text, texts

#: The braces of 2016: a name, with dots, alone between two of them.
_SINGLE = re.compile(r"\{((?:[A-Za-z_$]|\[[^\[\]{}]+\])(?:[\w$.-]|\[[^\[\]{}]+\])*)\}")

_METHODS = {
    "nextpageurl": "url",
    "pageargument": "page",
    "relativeuri": "relativeuri",
    "linkheader": "linkheader",
    "token": "token",
    "skipargument": "skip",
    "postbody": "body",
    "page": "page",
    "skip": "skip",
    "url": "url",
    "body": "body",
}


def _method(value: Any) -> str:
    found = _METHODS.get(text(value).lower())
    if found is None:
        raise ValueError(f"It is one of {', '.join(_METHODS)}.")
    return found


def _first_page(method: Any) -> int:
    """The published ``rest`` takes for granted that pages count from 1."""
    return int(_method(method) == "page")


def doubled(template: str) -> str:
    """A template of ``rest.*`` with the braces of today; one that has such already stays as it is.

    >>> doubled("/customers/{id}?name={a.0.b}")
    '/customers/{{id}}?name={{a.0.b}}'
    """
    return template if "{{" in template else _SINGLE.sub(r"{{\1}}", template)


def _old(value: Any) -> str:
    return doubled(_alone(value))


def _old_ones(value: Any) -> list[str]:
    return [doubled(item) for item in texts(value)]


def _headers(value: Any) -> list[dict[str, str]]:
    if isinstance(value, Mapping):
        return [{"name": str(name), "value": text(item)} for name, item in value.items()]
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ValueError("It is a list of objects with name and value.")
    return [{"name": str(item.get("name", "")), "value": str(item.get("value", ""))} for item in value]


def _query(value: Any) -> dict[str, str]:
    """Parameters, as an object or as a list of names and values."""
    if isinstance(value, Mapping):
        return {str(name): text(item) for name, item in value.items()}
    return {item["name"]: item["value"] for item in _headers(value)}


def _alone(value: Any) -> str:
    return text(one(value))


def _requests(value: Any) -> list[str]:
    return [item.lower() for item in texts(value)]


def _reads(root: str) -> tuple[Word, ...]:
    """What both have in common."""
    return (
        Word(f"{root}.method", "method", _alone),
        Word(f"{root}.query", "query", _query),
        Word(f"{root}.headers", "headers", _headers),
    )


_REST_READS = (
    *_reads("rest"),
    Word("rest.relativeURI", "relative_uri", _old),
    Word("rest.postBody", "body"),
    Word("rest.resourcePath", "resource_path", text),
    Word("rest.successPath", "verdict.success_path", _alone),
    Word("rest.successValues", "verdict.success_values", texts),
    Word("rest.pagingMethod", "paging.method", _method),
    Word("rest.pagingMethod", "paging.page", _first_page),
    Word("rest.nextPagePath", "paging.path", text),
    Word("rest.pageArgument", "paging.argument", text),
    Word("rest.skipArgument", "paging.argument", text),
    Word("rest.nextPageRelativeURI", "paging.last_record_uri", _old),
    Word("rest.linkHeaderRelation", "paging.link_relation", text),
    Word("rest.pagingPostBody", "paging.body"),
    Word("rest.lastPageStatusCode", "paging.last_page_status", number),
    Word("rest.lastPagePath", "paging.last_page_path", text),
    Word("rest.lastPageValue", "paging.last_page_values", texts),
    Word("rest.maxPagePath", "paging.max_page_path", text),
    Word("rest.maxCountPath", "paging.max_count_path", text),
    Word("rest.once.relativeURI", "once.relative_uri", _old),
    Word("rest.once.method", "once.method", text),
    Word("rest.once.postBody", "once.body"),
)

_HTTP_READS = (
    *_reads("http"),
    Word("http.relativeURI", "relative_uri", _alone),
    Word("http.body", "body"),
    Word("http.requestMediaType", "request_media_type", text),
    Word("http.successMediaType", "success_media_type", text),
    Word("http.errorMediaType", "error_media_type", text),
    Word("http._asyncHelperId", "async_helper", text),
    Word("http.response.resourcePath", "resource_path", _alone),
    Word("http.response.resourceIdPath", "resource_id_path", _alone),
    Word("http.response.successPath", "verdict.success_path", _alone),
    Word("http.response.successValues", "verdict.success_values", texts),
    Word("http.response.failPath", "verdict.fail_path", _alone),
    Word("http.response.failValues", "verdict.fail_values", texts),
    Word("http.response.errorPath", "verdict.error_path", text),
    Word("http.response.allowArrayforSuccessPath", "verdict.allow_array", flag),
    Word("http.response.twoDArray.hasHeader", "two_d_array.has_header", flag),
    Word("http.response.twoDArray.doNotNormalize", "two_d_array.do_not_normalize", flag),
    Word("http.response.blobFormat", "blob_format", text),
    Word("http.paging.method", "paging.method", _method),
    Word("http.paging.page", "paging.page", number),
    Word("http.paging.skip", "paging.skip", number),
    Word("http.paging.token", "paging.token", text),
    Word("http.paging.path", "paging.path", text),
    Word("http.paging.pathLocation", "paging.path_location", text),
    Word("http.paging.pathAfterFirstRequest", "paging.path_after_first", text),
    Word("http.paging.relativeURI", "paging.relative_uri", text),
    Word("http.paging.body", "paging.body"),
    Word("http.paging.linkHeaderRelation", "paging.link_relation", text),
    Word("http.paging.resourcePath", "paging.resource_path", text),
    Word("http.paging.lastPageStatusCode", "paging.last_page_status", number),
    Word("http.paging.lastPagePath", "paging.last_page_path", text),
    Word("http.paging.lastPageValues", "paging.last_page_values", texts),
    Word("http.paging.maxPagePath", "paging.max_page_path", text),
    Word("http.paging.maxCountPath", "paging.max_count_path", text),
    Word("http.once.relativeURI", "once.relative_uri", text),
    Word("http.once.method", "once.method", text),
    Word("http.once.body", "once.body"),
)


def _writes(root: str) -> tuple[Word, ...]:
    return (
        Word(f"{root}.method", "method", texts),
        Word(f"{root}.headers", "headers", _headers),
        Word(f"{root}.body", "body"),
        Word(f"{root}.ignoreLookupName", "existing_lookup", text),
        Word(f"{root}.ignoreExtract", "existing_extract", text),
    )


_REST_WRITES = (
    *_writes("rest"),
    Word("rest.relativeURI", "relative_uri", _old_ones),
    Word("rest.responseIdPath", "response.resource_id_path"),
    Word("rest.successPath", "response.success_path"),
    Word("rest.successValues", "response.success_values"),
)

_HTTP_WRITES = (
    *_writes("http"),
    Word("http.relativeURI", "relative_uri", texts),
    Word("http.requestType", "operations", _requests),
    Word("http.batchSize", "batch_size", number),
    Word("http.sendPostMappedData", "send_mapped", flag),
    Word("http.strictHandlebarEvaluation", "strict_templates", flag),
    Word("http.ignoreEmptyNodes", "ignore_empty_nodes", flag),
    Word("http.endPointBodyLimit", "body_limit", number),
    Word("http.requestMediaType", "request_media_type", one),
    Word("http.successMediaType", "success_media_type", one),
    Word("http.errorMediaType", "error_media_type", one),
    Word("http.existingLookupName", "existing_lookup", text),
    Word("http.existingExtract", "existing_extract", text),
    Word("http._asyncHelperId", "async_helper", text),
    Word("http.response.resourcePath", "response.resource_path"),
    Word("http.response.resourceIdPath", "response.resource_id_path"),
    Word("http.response.successPath", "response.success_path"),
    Word("http.response.successValues", "response.success_values"),
    Word("http.response.failPath", "response.fail_path"),
    Word("http.response.failValues", "response.fail_values"),
    Word("http.response.errorPath", "response.error_path", text),
    Word("http.response.hasHeader", "response.has_header", flag),
    Word("http.response.allowArrayforSuccessPath", "response.allow_array", flag),
)


_CONNECTORS = frozenset({"rest_api"})

REST = System("rest", _CONNECTORS, _REST_READS, _REST_WRITES)
HTTP = System("http", _CONNECTORS, _HTTP_READS, _HTTP_WRITES)
