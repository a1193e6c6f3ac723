"""The settings of a Parquet place."""

from typing import Literal

from pydantic import Field

from towpath.sdk.files.config import FilesConfig


class ParquetConfig(FilesConfig):
    """Where the files are, and how new ones are compressed."""

    compression: Literal["zstd", "snappy", "lz4", "none"] = Field(
        "zstd", title="Compression", description="Of the files that are written; zstd is small and fast."
    )
