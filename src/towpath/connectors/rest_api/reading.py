"""What an export says to an HTTP API: one dialect for the published ``rest`` and ``http``."""

from typing import Literal

from pydantic import Field

from towpath.connectors.rest_api.parts import Body, Header, Media, Method, Part, Values, Verdict


class Paging(Part):
    """How the next page is asked for. Templates see ``previous_page`` (``full_response``, ``last_record``,
    ``headers``, ``page``, ``skip``, ``token``) and ``export.http.paging`` (``page``, ``skip``, ``token``).
    """

    method: Literal["linkheader", "page", "skip", "token", "url", "relativeuri", "body"]
    """``http.paging.method``; ``rest.pagingMethod``: ``nextpageurl`` is ``url``, ``pageargument`` ``page``,
    ``skipargument`` ``skip``, ``postbody`` ``body``.
    """
    argument: str | None = None
    """``rest.pageArgument``, ``rest.skipArgument``: the query parameter that carries the page's number, how
    many to skip, or the token; None where templates do.
    """
    page: int = Field(0, ge=0)
    """``http.paging.page``: number of the first page. The published ``rest`` begins with 1."""
    skip: int = Field(0, ge=0)
    """``http.paging.skip``: how many the first page skips."""
    token: str | None = None
    """``http.paging.token``: of the first page."""
    path: str | None = None
    """``http.paging.path``, ``rest.nextPagePath``: where an answer has the next token or URL."""
    path_location: Literal["body", "header"] = "body"
    """``http.paging.pathLocation``: of a header ``path`` is the name."""
    path_after_first: str | None = None
    """``http.paging.pathAfterFirstRequest``: ``path`` in the answers to all but the first request."""
    relative_uri: str | None = None
    """``http.paging.relativeURI``: template of the relative URI of all pages but the first."""
    last_record_uri: str | None = None
    """``rest.nextPageRelativeURI``: the same, with the last record of the page before as its record."""
    body: Body | None = None
    """``http.paging.body``, ``rest.pagingPostBody``: of all pages but the first."""
    link_relation: str = "next"
    """``http.paging.linkHeaderRelation``, ``rest.linkHeaderRelation``."""
    resource_path: str | None = None
    """``http.paging.resourcePath``: of all pages but the first."""
    last_page_status: int = Field(404, ge=100, le=599)
    """``http.paging.lastPageStatusCode``: a page but the first that answers so does not exist."""
    last_page_path: str | None = None
    """``http.paging.lastPagePath``, ``rest.lastPagePath``: where the last page says that it is."""
    last_page_values: Values = ()
    """``http.paging.lastPageValues``: what it says; empty for anything, or for nothing being there at all."""
    max_page_path: str | None = None
    """``http.paging.maxPagePath``, ``rest.maxPagePath``: the number of all pages; goes before the next."""
    max_count_path: str | None = None
    """``http.paging.maxCountPath``, ``rest.maxCountPath``: the number of all records."""


class TwoDArray(Part):
    """Answers whose records are rows: lists of values."""

    has_header: bool = False
    """``http.response.twoDArray.hasHeader``: the first row has the names; else they are ``Column0`` …"""
    do_not_normalize: bool = False
    """``http.response.twoDArray.doNotNormalize``: rows stay lists."""


class Once(Part):
    """``http.once``: the request that says that a record was processed."""

    relative_uri: str
    method: Method = "PUT"
    body: Body | None = None


class RestReading(Part):
    """The requests that read pages of records."""

    relative_uri: str = ""
    """``rest.relativeURI``, ``http.relativeURI``: template; values in it are percent-encoded."""
    method: Method = "GET"
    """``rest.method``, ``http.method``."""
    query: dict[str, str] = Field(default_factory=dict)
    """``rest.query``: templates of query parameters."""
    headers: tuple[Header, ...] = ()
    """``rest.headers``, ``http.headers``."""
    body: Body | None = None
    """``rest.postBody``, ``http.body``."""
    request_media_type: Media | None = None
    """``http.requestMediaType``; None for the connection's."""
    success_media_type: Media | None = None
    """``http.successMediaType``."""
    error_media_type: Media | None = None
    """``http.errorMediaType``."""
    resource_path: str | None = None
    """``rest.resourcePath``, ``http.response.resourcePath``: where the records are; of XML an XPath. None for
    the answer itself.
    """
    resource_id_path: str | None = None
    """``http.response.resourceIdPath``: what a record is called; of use to imports alone, and kept."""
    verdict: Verdict = Field(default_factory=Verdict)
    """``http.response.successPath``, ``rest.successPath`` and so on."""
    paging: Paging | None = None
    """None: there is one page."""
    two_d_array: TwoDArray | None = None
    """``http.response.twoDArray``."""
    once: Once | None = None
    """``http.once``."""
    max_attempts: int = Field(5, ge=1, le=20)
    """How often one request is tried when its error may pass."""
    async_helper: str | None = None
    """``http._asyncHelperId``: not supported."""
    blob_format: str | None = None
    """``http.response.blobFormat``: not supported."""
