"""The settings of a place of JSON Lines files."""

from typing import Literal

from pydantic import Field, field_validator

from towpath.sdk.files import typenames
from towpath.sdk.files.config import FilesConfig


class JsonlConfig(FilesConfig):
    """Where the files are, and how new ones are packed."""

    compression: Literal["none", "gzip"] = Field(
        "none", title="Compression", description="Of the files that are written. Reading goes by .jsonl.gz."
    )
    types: dict[str, dict[str, str]] = Field({}, title="Types", description=typenames.DESCRIPTION)

    @field_validator("types")
    @classmethod
    def _types(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        typenames.check(value)
        return value
