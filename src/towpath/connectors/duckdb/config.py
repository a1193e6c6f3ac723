"""The settings of a DuckDB connection."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from towpath.sdk.fileguard import check_path


class DuckdbConfig(BaseModel):
    """Which file, and how patient to be while another program has it open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(
        title="File",
        description="The database file. A destination makes it if there is none; its folder must exist.",
    )
    busy_timeout: float = Field(
        15,
        ge=0,
        le=600,
        title="Patience",
        description="Seconds to wait while another program has the file open.",
    )

    @field_validator("path")
    @classmethod
    def _is_a_file(cls, value: Path) -> Path:
        if str(value) in ("", ".") or str(value).startswith((":memory:", "md:", "motherduck:")):
            raise ValueError("name a file: databases in memory or in a cloud cannot be used")
        check_path(value)
        return value
