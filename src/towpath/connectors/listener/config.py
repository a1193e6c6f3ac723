"""How a listener knows who posts to it."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class ListenerConfig(BaseModel):
    """One listener."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verify: Literal["none", "token", "secret_url", "basic", "hmac"] = Field(
        "none",
        title="Verification",
        description="none: nobody may post to it but who has a key of Towpath's.",
    )
    token: SecretStr | None = Field(None, title="Token", description="For token and secret_url.")
    token_location: Literal["url", "body", "header", "query"] = Field("url", title="Where the token is")
    token_path: str | None = Field(None, title="Path of the token in the body")
    token_name: str | None = Field(None, title="Header or query parameter of the token", max_length=200)
    token_scheme: str | None = Field(None, title="Scheme before the token in its header", max_length=50)
    username: str | None = Field(None, title="User name", description="For basic.")
    password: SecretStr | None = Field(None, title="Password", description="For basic.")
    key: SecretStr | None = Field(None, title="Key", description="For hmac.")
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = Field("sha256", title="Algorithm")
    encoding: Literal["hex", "base64"] = Field("hex", title="Encoding of the signature")
    header: str | None = Field(None, title="Header of the signature", max_length=200)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needed: dict[str, tuple[str, ...]] = {
            "token": ("token",),
            "secret_url": ("token",),
            "basic": ("username", "password"),
            "hmac": ("key", "header"),
        }
        for name in needed.get(self.verify, ()):
            value = getattr(self, name)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                raise ValueError(f"verification by {self.verify} needs {name!r}")
        in_body = self.token_location == "body"  # noqa: S105 - a place, no password
        if self.verify == "token" and in_body and not self.token_path:
            raise ValueError("a token in the body needs 'token_path'")
        return self
