"""How an organization is registered with an OAuth 2 provider."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class OAuthClientConfig(BaseModel):
    """One client registration: what the provider's developer page shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str = Field(
        title="Provider", min_length=1, max_length=50, description="A provider's name: gmail, xero …"
    )
    client_id: str = Field(title="Client id", min_length=1, max_length=1000)
    client_secret: SecretStr | None = Field(
        None, title="Client secret", description="Leave it out for a public client."
    )
    scopes: list[str] | None = Field(
        None,
        title="Scopes",
        description="Asked for where a connection names none; else the provider's usual ones.",
    )
