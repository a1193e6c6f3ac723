"""What an import says to an HTTP API: one dialect for the published ``rest`` and ``http``."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from towpath.connectors.rest_api.parts import Body, Header, Media, Method, Part, Values, Verdict

Operation = Literal["create", "update"]


def _listed(value: Any) -> Any:
    """One for each way of writing; what is given alone is a list of one."""
    return value if isinstance(value, list | tuple) else () if value is None else (value,)


def _listed_values(value: Any) -> Any:
    """Lists of values, one for each way; a list of texts is one of them."""
    found = _listed(value)
    return (found,) if found and not isinstance(found[0], list | tuple) else found


class Response(Part):
    """What answers mean: one value for each way of writing, or one for all."""

    resource_path: Annotated[tuple[str | None, ...], BeforeValidator(_listed)] = ()
    """``http.response.resourcePath``: where the answer has what was written; in a batch the list of it."""
    resource_id_path: Annotated[tuple[str | None, ...], BeforeValidator(_listed)] = ()
    """``http.response.resourceIdPath``, ``rest.responseIdPath``; without it ``id``, then ``_id``."""
    success_path: Annotated[tuple[str | None, ...], BeforeValidator(_listed)] = ()
    """``http.response.successPath``, ``rest.successPath``."""
    success_values: Annotated[tuple[Values, ...], BeforeValidator(_listed_values)] = ()
    """``http.response.successValues``, ``rest.successValues``."""
    fail_path: Annotated[tuple[str | None, ...], BeforeValidator(_listed)] = ()
    """``http.response.failPath``."""
    fail_values: Annotated[tuple[Values, ...], BeforeValidator(_listed_values)] = ()
    """``http.response.failValues``."""
    error_path: str | None = None
    """``http.response.errorPath``."""
    allow_array: bool = False
    """``http.response.allowArrayforSuccessPath``."""
    has_header: bool = True
    """``http.response.hasHeader``: the first line of a CSV answer has the names."""

    def verdict(self, way: int) -> Verdict:
        """How an answer of that way is judged."""
        return Verdict(
            success_path=_of(self.success_path, way),
            success_values=_of(self.success_values, way) or (),
            fail_path=_of(self.fail_path, way),
            fail_values=_of(self.fail_values, way) or (),
            error_path=self.error_path,
            allow_array=self.allow_array,
        )

    def paths(self, way: int) -> tuple[str | None, str | None]:
        """Of what was written, and of its id."""
        return _of(self.resource_path, way), _of(self.resource_id_path, way)


class RestWriting(Part):
    """The requests that write records. With two ways of writing the first is for records that are there
    already, the second for new ones, unless ``operations`` says otherwise.
    """

    relative_uri: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1, max_length=2)]
    """``rest.relativeURI``, ``http.relativeURI``: templates over the record as it came to the step, the
    values of ``lookups`` by their names, and ``data``: what is sent.
    """
    method: Annotated[tuple[Method, ...], BeforeValidator(_listed)] = ("POST",)
    """``rest.method``, ``http.method``."""
    body: Annotated[tuple[Body | None, ...], BeforeValidator(_listed)] = ()
    """``http.body``, ``rest.body``: templates; without one the record itself is the body."""
    operations: Annotated[tuple[Operation, ...], BeforeValidator(_listed)] = ()
    """``http.requestType`` in small letters."""
    headers: tuple[Header, ...] = ()
    """``rest.headers``, ``http.headers``."""
    batch_size: int = Field(1, ge=1, le=10_000)
    """``http.batchSize``: records of one request, whose body is a list then."""
    send_mapped: bool = True
    """``http.sendPostMappedData``: bodies are made of the mapped record; else of the one that came."""
    strict_templates: bool = False
    """``http.strictHandlebarEvaluation``: a name in a template that is not there fails the record."""
    ignore_empty_nodes: bool = False
    """``http.ignoreEmptyNodes``: fields without a value are not sent."""
    body_limit: int | None = Field(None, ge=1)
    """``http.endPointBodyLimit``: most bytes of a body; batches are cut for it."""
    request_media_type: Media | None = None
    """``http.requestMediaType``; None for the connection's."""
    success_media_type: Media | None = None
    """``http.successMediaType``."""
    error_media_type: Media | None = None
    """``http.errorMediaType``."""
    response: Response = Field(default_factory=Response)
    """``http.response``, ``rest.responseIdPath``, ``rest.successPath``."""
    existing_lookup: str | None = None
    """``http.existingLookupName``, ``http.ignoreLookupName``, ``rest.ignoreLookupName``: the lookup that has
    a hit if the record is there already. With two ways and neither of both: the one that the first names.
    """
    existing_extract: str | None = None
    """``http.existingExtract``, ``http.ignoreExtract``, ``rest.ignoreExtract``: the field that has a value
    if the record is there already.
    """
    lookups: tuple[Mapping[str, Any], ...] = ()
    """``rest.lookups``, ``http.lookups``, as published."""
    ignore_existing: bool = False
    ignore_missing: bool = False
    max_attempts: int = Field(3, ge=1, le=20)
    async_helper: str | None = None
    """``http._asyncHelperId``: not supported."""

    @model_validator(mode="after")
    def _fits_together(self) -> "RestWriting":
        ways = len(self.relative_uri)
        for name in ("method", "body", "operations"):
            given = len(getattr(self, name))
            if given > ways or (name == "operations" and given not in (0, ways)):
                raise ValueError(f"{name} has {given} values for {ways} relative URIs")
        if self.operations and len(set(self.operations)) != ways:
            raise ValueError("operations names one way twice")
        return self

    @property
    def ways(self) -> int:
        """How many ways of writing there are: 1 or 2."""
        return len(self.relative_uri)

    def way_of(self, operation: Operation) -> int:
        """The way that creates or updates; the only one there is."""
        if self.ways == 1:
            return 0
        order = self.operations or ("update", "create")
        return order.index(operation)

    def method_of(self, way: int) -> str:
        """Its method."""
        return _of(self.method, way) or "POST"

    def body_of(self, way: int) -> Body | None:
        """The template of its body."""
        return self.body[way] if way < len(self.body) else None


def _of(values: tuple[Any, ...], way: int) -> Any:
    """The value of that way; the last one stands for those that have none."""
    return values[min(way, len(values) - 1)] if values else None
