"""The settings of a connection to S3, and what steps say about its buckets."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from towpath.sdk.fileapp import FileReading, FileWriting

_REGION = r"^[A-Za-z0-9_-]*$"


class S3Config(BaseModel):
    """Whose keys. ``s3.…`` names the published field of each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_key: str = Field(min_length=1, title="Access key id", description="s3.accessKeyId")
    secret_key: SecretStr = Field(title="Secret access key", description="s3.secretAccessKey")
    region: str = Field(
        "us-east-1", pattern=_REGION, title="Region", description="s3.region, where a step names none."
    )
    endpoint: str = Field(
        "",
        title="Endpoint",
        description="URL of S3-compatible storage, such as https://minio.example.com; empty for AWS.",
    )
    bucket: str = Field(
        "",
        pattern=r"^[^/\s]*$",
        title="Bucket to test with",
        description="s3.pingBucket: the test of the connection lists it; empty: it lists the buckets.",
    )

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("endpoint must be a URL that begins with http:// or https://")
        return value


class S3Reading(FileReading):
    """What an export says about its files. The other fields are those of all file servers."""

    bucket: str = Field(min_length=1)
    """``s3.bucket``. A template."""
    region: str = Field("", pattern=_REGION)
    """``s3.region``; empty for the connection's."""


class S3Writing(FileWriting):
    """What an import says about its files; ``name`` is the key. The other fields are those of all servers."""

    bucket: str = Field(min_length=1)
    """``s3.bucket``. A template."""
    region: str = Field("", pattern=_REGION)
    """``s3.region``; empty for the connection's."""
