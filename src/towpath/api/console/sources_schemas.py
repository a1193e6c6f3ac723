"""What is sent and answered about sources and destinations."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, StringConstraints, WithJsonSchema

from towpath.api.kit.strictjson import strict_json


def _object(value: Any) -> Any:
    """The object, also if it comes as a JSON text."""
    try:
        found = strict_json(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("it must be a JSON object, or the text of one")  # noqa: TRY004 - pydantic's way
    return found


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


#: Settings are taken as an object or as its JSON text.
Settings = Annotated[
    dict[str, Any],
    BeforeValidator(_object),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "contentMediaType": "application/json"}, {"type": "object"}],
            "description": "The settings that the type asks for: an object, or its JSON text.",
        }
    ),
]
Trimmed = StringConstraints(strip_whitespace=True, min_length=1, max_length=255)
Name = Annotated[str, Trimmed, AfterValidator(_without_nul)]
TypeName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Version = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(_without_nul)
]


class Trial(BaseModel):
    """Settings to try."""

    type: TypeName
    version: Version = ""
    config: Settings


class Thing(Trial):
    """A source or destination as clients send it."""

    name: Name


class TypeAsked(BaseModel):
    """Whose form is asked for."""

    type: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""
    version: Version = ""
    catalog: Version = ""


class Form(BaseModel):
    """What a form is made of."""

    jsonschema: dict[str, Any]
    """Draft 07."""
    uischema: str
    """JSON text: where its fields stand."""


class SpecAnswer(BaseModel):
    """What a type asks for."""

    type: str
    version: str
    spec: Form


class DestinationSpecAnswer(SpecAnswer):
    """What a type of destination asks for."""

    catalog: str
    """As it was sent."""


class Versions(BaseModel):
    """The versions of a type."""

    version: list[str]
    """Newest first."""


class Line(BaseModel):
    """A line of the log of a trial."""

    level: str
    time: str
    message: str


class Result(BaseModel):
    """What came of a trial."""

    status: Literal["SUCCEEDED", "FAILED"]
    message: str


class TrialAnswer(BaseModel):
    """What was tried, and what came of it."""

    type: str
    version: str
    config: str
    """JSON text; secrets are masked."""
    connection_result: Result
    logs: list[Line]


class Saved(BaseModel):
    """A source or destination as it is kept."""

    id: int
    name: str
    type: str
    version: str
    config: str
    """JSON text, with references for secrets: ``tp_ref_…``. Sent back, they stand for the same secrets."""


class _UsedBy(BaseModel):
    id: int
    name: str
    activate: bool
    last_run_time: str
    """Empty if it never ran."""
    last_run_state: str
    last_run_type: str


class SourceJob(_UsedBy):
    """A job that reads from a source."""

    dest_name: str
    destination_name: str
    destination_type: str


class DestinationJob(_UsedBy):
    """A job that writes to a destination."""

    source_name: str
    source_type: str


class _Row(Saved):
    created_at: str
    updated_at: str
    created_by: str
    """Name of the user; empty for what was made elsewhere."""
    updated_by: str


class SourceRow(_Row):
    """A source, and the jobs that use it."""

    jobs: list[SourceJob]


class DestinationRow(_Row):
    """A destination, and the jobs that use it."""

    jobs: list[DestinationJob]


class Deleted(BaseModel):
    """What was deleted."""

    name: str


class Wish(BaseModel):
    """What somebody wants to call something new."""

    name: Name
    entity_type: Literal["job", "source", "destination"]


class Unique(BaseModel):
    """Nothing is called so."""

    unique: Literal[True] = True
