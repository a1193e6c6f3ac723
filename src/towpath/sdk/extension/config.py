"""Where a stack is: a server, or a function in a cloud, that has functions of the user's own."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

#: Extension servers themselves hang up after this many seconds.
MOST_SECONDS = 315


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerConfig(_Model):
    """Address and token of an extension server."""

    host_uri: str = Field(
        title="Host URI",
        min_length=8,
        max_length=2000,
        description="http or https; must be reachable publicly or allowed. `/function` is added to it.",
    )
    system_token: SecretStr = Field(
        title="System token", min_length=1, description="The server is started with the same one."
    )
    timeout: float = Field(
        300, gt=0, le=MOST_SECONDS, title="Time-out", description="Seconds for one call of a function."
    )
    max_attempts: int = Field(
        3,
        ge=1,
        le=20,
        title="Attempts",
        description="How often it is tried to reach the server. What was sent is never sent again.",
    )
    ca_file: str | None = Field(None, title="CA certificate", description="A PEM file, for a private CA.")


class LambdaConfig(_Model):
    """Functions on AWS Lambda: kept, and not called by this version."""

    access_key_id: str = Field(title="Access key id", min_length=1, max_length=200)
    secret_access_key: SecretStr = Field(title="Secret access key", min_length=1)
    aws_region: str = Field("us-east-1", title="Region", min_length=1, max_length=50)
    function_name: str = Field(title="Function name", min_length=1, max_length=200)
    language: str | None = Field(None, title="Language", max_length=50)


class ExtensionConfig(_Model):
    """A stack: one of the two."""

    server: ServerConfig | None = Field(None, title="Server")
    aws_lambda: LambdaConfig | None = Field(None, title="AWS Lambda")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.server is None) == (self.aws_lambda is None):
            raise ValueError("give either server or aws_lambda")
        return self
