"""What the file of a declarative connector may hold: the connector as a whole."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from towpath.core.ports import Category
from towpath.sdk.rest.auth import Auth, Part, Template
from towpath.sdk.rest.stream import StreamDefinition

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]


def _compiles(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


class FieldDefinition(Part):
    """One thing that users fill in; templates name it as ``{name}``."""

    title: str = Field(min_length=1)
    description: str = ""
    placeholder: str = Field("", description="What an empty input shows.")
    type: Literal["string", "integer", "boolean"] = "string"
    secret: bool = Field(False, description="Goes to the vault, and is never shown again.")
    required: bool | None = Field(None, description="Required unless it has a default, if not said.")
    default: str | bool | int | None = None
    pattern: Annotated[str, AfterValidator(_compiles)] | None = Field(
        None, description="A regular expression that the whole text must match."
    )
    choices: tuple[str, ...] = Field((), description="The only values that it may have.")
    advanced: bool = Field(False, description="Forms may hide it: most users need not care.")

    @property
    def is_required(self) -> bool:
        return self.default is None if self.required is None else self.required


class RateLimit(Part):
    """How often the system may be asked by one connection."""

    requests: int = Field(ge=1)
    seconds: int = Field(1, ge=1, le=86_400)


class RetryDefinition(Part):
    """When a request is sent again; ``Retry-After`` is always honoured."""

    attempts: int = Field(5, ge=1, le=20)
    statuses: tuple[Annotated[int, Field(ge=400, le=599)], ...] = Field(
        (), description="Besides 408, 425, 429 and all of 5xx."
    )


class CheckDefinition(Part):
    """The request that tries a connection: any answer of 2xx is good."""

    path: Template = Field(pattern="^/")
    query: dict[str, Template] = Field(default_factory=dict)


class Definition(Part):
    """One file: one connector."""

    name: Name = Field(description="As the file is called, without its suffix.")
    title: str = Field(min_length=1)
    version: str = Field("1.0.0", pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    summary: str = Field("", description="One line for catalogues.")
    categories: tuple[Category, ...] = (Category.APPLICATION,)
    tags: tuple[str, ...] = ()
    icon: str = Field("", pattern=r"^([A-Za-z0-9_-]+\.svg)?$", description="An SVG file in the same folder.")
    fields: dict[Name, FieldDefinition] = Field(default_factory=dict)
    auth: tuple[Auth, ...] = Field((), description="The first whose credentials are all there is used.")
    base_url: Template = Field("", description="What every path is appended to.")
    hosts: tuple[str, ...] = Field(
        (), description="Other hosts that links to further pages may lead to, with the credentials."
    )
    headers: dict[str, Template] = Field(default_factory=dict, description="Sent with every request.")
    check: CheckDefinition | None = Field(None, description="By default the first stream is asked.")
    timeout: float = Field(60, gt=0, le=600, description="For one request, in seconds.")
    rate_limit: RateLimit | None = None
    retry: RetryDefinition = RetryDefinition()
    streams: dict[str, StreamDefinition] = Field(default_factory=dict)
