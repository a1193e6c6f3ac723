"""What configuration, reading and writing have in common: media types, and how an answer is judged."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

#: A template; an object or list is a body whose texts are templates.
Body = str | dict[str, Any] | list[Any]


class Part(BaseModel):
    """A part of the settings: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Media(StrEnum):
    """What bodies are made of."""

    JSON = "json"
    URLENCODED = "urlencoded"
    XML = "xml"
    CSV = "csv"
    FORM_DATA = "form-data"
    PLAINTEXT = "plaintext"
    OCTET_STREAM = "octet-stream"


def _tuple(value: Any) -> Any:
    """A value alone is a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


def _texts(value: Any) -> Any:
    """Values are compared as texts."""
    return tuple(text_of(one) for one in _tuple(value))


def _method(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def text_of(value: Any) -> str:
    """A JSON value as the text that it is compared by.

    >>> [text_of(value) for value in (True, None, 7, "x")]
    ['true', 'null', '7', 'x']
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


Values = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Method = Annotated[str, BeforeValidator(_method), Field(pattern="^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$")]


class Header(Part):
    """A header; its value is a template."""

    name: str = Field(min_length=1, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
    value: str = ""


class Verdict(Part):
    """Whether an answer with a good status is good."""

    success_path: str | None = None
    """``http.response.successPath``, ``rest.successPath``, ``rest.pingSuccessPath``: what must be there."""
    success_values: Values = ()
    """``…successValues``: one of them must be there; empty for anything but nothing."""
    fail_path: str | None = None
    """``…failPath``, ``rest.pingFailurePath``: what must not be there."""
    fail_values: Values = ()
    """``…failValues``, ``rest.pingFailureValues``: none of them may be there; empty for nothing at all."""
    error_path: str | None = None
    """``…errorPath``: where a failed answer says why."""
    allow_array: bool = False
    """``http.response.allowArrayforSuccessPath``: of a list, one member will do."""


class Request(Part):
    """A request of the connection's own: a ping, a login, the renewal of a token."""

    relative_uri: str = ""
    """Template; below the base URI, or a URL of its own."""
    method: Method = "GET"
    body: Body | None = None
    headers: tuple[Header, ...] = ()
    media_type: Media | None = None
    """Of the body; None for the connection's."""
