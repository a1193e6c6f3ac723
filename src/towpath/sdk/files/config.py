"""The settings that all file connectors share: where the files are."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from towpath.sdk.fileguard import check_path

S3 = "s3://"


class FilesConfig(BaseModel):
    """A folder of this machine, or a prefix of a bucket on S3-compatible storage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(
        min_length=1, title="Path", description="A folder, such as /data/lake, or s3://bucket/prefix."
    )
    endpoint: str = Field(
        "",
        title="S3 endpoint",
        description="URL of S3-compatible storage, such as https://minio.example.com; empty for AWS.",
    )
    region: str = Field("", pattern=r"^[A-Za-z0-9_-]*$", title="S3 region")
    access_key: str = Field(
        "", title="S3 access key", description="Empty: the machine's own credentials (environment, role)."
    )
    secret_key: SecretStr = Field(SecretStr(""), title="S3 secret key")

    @property
    def remote(self) -> bool:
        """Whether the place is on S3."""
        return self.path.startswith(S3)

    @field_validator("path")
    @classmethod
    def _is_foreign(cls, value: str) -> str:
        if "\0" in value:
            raise ValueError("it must not hold a NUL character")
        if not value.startswith(S3):
            check_path(Path(value))
        return value

    @model_validator(mode="after")
    def _fits(self) -> "FilesConfig":
        if not self.remote and "://" in self.path:
            raise ValueError("path must be a folder or begin with s3://")
        if self.remote and not urlsplit(self.path).netloc:
            raise ValueError("path must name a bucket: s3://bucket/prefix")
        if self.endpoint and urlsplit(self.endpoint).scheme not in ("http", "https"):
            raise ValueError("endpoint must be a URL that begins with http:// or https://")
        if bool(self.access_key) != bool(self.secret_key.get_secret_value()):
            raise ValueError("access_key and secret_key belong together: give both or neither")
        return self
