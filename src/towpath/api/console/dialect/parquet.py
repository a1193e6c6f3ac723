"""The destination type ``parquet``."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from towpath.api.console.dialect import trees
from towpath.api.console.dialect.rules import Constant, Folder, Setting
from towpath.api.console.dialect.settings import Settings, unsupported
from towpath.api.console.dialect.worded import Worded
from towpath.core.ports import Connector


class _Writer(Settings):
    s3_bucket: str = Field("", pattern=r"^[^/]*$", title="S3 bucket")
    s3_path: str = Field("", title="Path", description="In the bucket: where the folders of tables stand.")
    s3_region: str = Field("", title="S3 region")
    s3_access_key: str = Field(
        "", title="S3 access key", description="Empty: the machine's own credentials (environment, role)."
    )
    s3_secret_key: SecretStr = Field(SecretStr(""), title="S3 secret key")
    s3_endpoint: str = Field(
        "", title="S3 endpoint", description="URL of S3-compatible storage; empty for AWS."
    )
    local_path: str = Field(
        "", title="Local folder", description="Instead of a bucket: a folder, where the worker runs."
    )
    compression: Literal["zstd", "snappy", "lz4", "none", "uncompressed"] = Field(
        "zstd", title="Compression", description="zstd is small and fast."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.s3_bucket) == bool(self.local_path):
            raise ValueError("give s3_bucket or local_path, and not both")
        if bool(self.s3_access_key) != bool(self.s3_secret_key.get_secret_value()):
            raise ValueError("s3_access_key and s3_secret_key belong together: give both or neither")
        return self


class ParquetSettings(Settings):
    """Where the files are written to."""

    type: Literal["PARQUET"] = Field("PARQUET", title="Type")
    writer: _Writer = Field(title="Writer")


def _refuse(config: Mapping[str, Any]) -> None:
    if trees.at(config, "writer.compression") == "gzip":
        raise unsupported(
            "writer.compression",
            "Parquet files are not written with gzip.",
            "Use zstd, which is as small and faster, or snappy.",
        )


def kind(connector: Connector[Any]) -> Worded:
    """The type, over our connector of the same name."""
    rules = (
        Constant("type", "PARQUET"),
        Folder("writer.s3_bucket", "writer.s3_path", "writer.local_path", at_fault="writer.local_path"),
        Setting("writer.s3_region", "region"),
        Setting("writer.s3_access_key", "access_key"),
        Setting("writer.s3_secret_key", "secret_key", secret=True),
        Setting("writer.s3_endpoint", "endpoint"),
        Setting(
            "writer.compression",
            "compression",
            to_ours=lambda codec: "none" if codec == "uncompressed" else codec,
        ),
    )
    return Worded("parquet", connector, ParquetSettings, rules, _refuse, own_below="writer")
