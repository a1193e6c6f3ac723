"""The settings of a wrapper: whose functions it calls, and what it tells them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from towpath.sdk.extension import ServerConfig


class WrapperConfig(BaseModel):
    """A stack, by its id or with its own address, and two objects that every function is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stack: str | None = Field(
        None, title="Stack", max_length=100, description="Id of the connection to the extension server."
    )
    server: ServerConfig | None = Field(
        None, title="Server", description="Where that is, for a wrapper that names no stack."
    )
    ping_function: str = Field(title="Ping function", min_length=1, max_length=200)
    encrypted: dict[str, SecretStr] = Field(
        default_factory=dict, title="Encrypted", description="Told to the functions, and to nobody else."
    )
    unencrypted: dict[str, Any] = Field(
        default_factory=dict, title="Unencrypted", description="Told to the functions."
    )
    app: str | None = Field(
        None,
        title="App",
        max_length=100,
        description="The `_connectorId` whose functions on the server are meant; without it your own.",
    )
