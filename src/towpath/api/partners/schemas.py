"""The bodies of this family, as its clients know them: spelled as they are, odd spellings included."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("A valid integer is required.")  # noqa: TRY004 - pydantic reports ValueErrors
    return value


def _name(value: str) -> str:
    value = value.strip()
    if not value:
        raise ValueError("This field may not be blank.")
    return value


def _zulu(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Number = Annotated[int, BeforeValidator(_no_truth)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_name)]
Moment = Annotated[datetime, PlainSerializer(_zulu, return_type=str)]
"""``2023-02-16T00:18:25.009907Z``."""


class Item(BaseModel):
    """One field of a form."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    type: Literal["INPUT"]
    label: str
    required: bool
    placeholder: str
    auto_complete: Literal["off"] = Field("off", alias="autoComplete:")
    """In forms of connectors, for secrets. The colon is part of the name."""
    options: list[str] = []
    """The only values that it may have, where it may not have any."""
    default: Any = None
    """What a blank means."""


class Category(BaseModel):
    """What templates are grouped by."""

    id: int
    name: str


class ConnectorTemplate(BaseModel):
    """A kind of source."""

    id: int
    code: str
    name: str
    description: str
    icon: str
    country_code: str | None
    connector_categories: list[Category]


class Timer(BaseModel):
    """How often an entity may be read."""

    id: int
    name: str
    repeat_every: int
    """Seconds."""


class Entity(BaseModel):
    """What can be read of a source."""

    id: int
    name: str
    description: str
    entity_timer: list[Timer]


class ConnectorForm(BaseModel):
    """What a person fills in to connect a source."""

    schema_form: list[Item]


class ConnectorTemplateDetail(BaseModel):
    """How to make a connector of this template."""

    connector: ConnectorTemplate
    credentials: ConnectorForm
    entities: list[Entity]


class DestinationTemplate(BaseModel):
    """A kind of destination."""

    id: int
    code: str
    name: str
    description: str
    icon: str


class DestinationForm(BaseModel):
    """What a person fills in to connect a destination."""

    layout: dict[str, Any]
    schema_form: list[Item]


class DestinationTemplateDetail(BaseModel):
    """How to make a destination of this template."""

    id: int
    code: str
    name: str
    description: str
    scheme_form: DestinationForm
    """Spelled so."""
    icon: str
    is_active: bool
    created_at: Moment
    updated_at: Moment


class DestinationRow(BaseModel):
    """A destination in a list."""

    id: int
    organization: int
    name: str
    type_adapter_name: str
    icon: str


class DestinationBody(BaseModel):
    """A destination as a whole."""

    name: Name
    credential_json: dict[str, Any]
    """The filled-in form; a masked secret stays as it is."""
    type_adapter: Number
    """The number of its template."""


class DestinationChanged(BaseModel):
    """A destination after it was replaced."""

    name: str
    credential_json: dict[str, Any]
    type_adapter: int


class Destination(BaseModel):
    """Its secrets are masked."""

    id: int
    type_adapter_name: str
    name: str
    credential_json: dict[str, Any]
    created_at: Moment
    updated_at: Moment
    type_adapter: int
    user: int | None
    """The key that made it; null if nobody did through this API."""
    organization: int


class EntityBody(BaseModel):
    """One entity of a target."""

    id: Number
    entity_timer_id: Number
    is_active: bool = True


class TargetBody(BaseModel):
    """A destination, and what is written to it."""

    destination_id: Number
    entities: Annotated[list[EntityBody], Field(min_length=1)]


Targets = Annotated[list[TargetBody], Field(min_length=1)]


class ConnectorBody(BaseModel):
    """A connector as a whole."""

    name: Name
    connector_category_id: Number
    """The number of its template."""
    credentials: dict[str, str]
    """The filled-in form: texts, whatever they mean."""
    targets: Targets
    description: Annotated[str, Field(max_length=2000)] = ""
    is_active: bool = True


class ConnectorPatch(BaseModel):
    """What is to change of a connector."""

    name: Name | None = None
    credentials: dict[str, str] | None = None
    targets: Targets | None = None
    description: Annotated[str, Field(max_length=2000)] | None = None
    is_active: bool | None = None


class ConnectorRow(BaseModel):
    """A connector in a list."""

    id: int
    name: str
    description: str
    lifecycle_status: Literal["CREATION_STARTED", "ACTIVE", "FAILING"]
    is_active: bool
    connector_cat: int
    connector_cat_name: str
    icon: str


class ConnectorCreated(BaseModel):
    """A new connector: the only answer with an envelope."""

    success: Literal[True]
    data: ConnectorRow


class LastRun(BaseModel):
    """The newest of the runs of one entity into one destination that are over."""

    status: Literal["succeeded", "failed", "cancelled"]
    started_at: Moment | None
    ended_at: Moment | None
    records_read: int
    records_written: int
    records_rejected: int
    error: str | None


class EntityStanding(BaseModel):
    """One entity of a target, and how it did last."""

    id: int | None
    """Null for an entity that the template does not list any more."""
    name: str
    entity_timer_id: int
    repeat_every: int
    is_active: bool
    table: str | None
    """What it is written to; null where every stream has its own name."""
    namespace: str | None
    last_run: LastRun | None


class TargetStanding(BaseModel):
    """A destination, and what is written to it."""

    destination_id: int
    entities: list[EntityStanding]


class Connector(ConnectorRow):
    """A connector with all that belongs to it; its secrets are masked."""

    credentials: dict[str, Any]
    targets: list[TargetStanding]
    created_at: Moment
    updated_at: Moment


class TokenAnswer(BaseModel):
    """An access token (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    """Seconds."""
    scope: str


class TokenRefusal(BaseModel):
    """RFC 6749, 5.2."""

    error: Literal[
        "invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"
    ]
    error_description: str


class Detail(BaseModel):
    """Why not."""

    detail: str
