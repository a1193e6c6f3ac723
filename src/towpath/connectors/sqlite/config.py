"""The settings of a SQLite connection."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from towpath.sdk.fileguard import check_path


class SqliteConfig(BaseModel):
    """Which file, and how patient to be when another program holds its lock."""

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
        description="Seconds to wait while another program holds the lock of the database.",
    )

    @field_validator("path")
    @classmethod
    def _is_a_file(cls, value: Path) -> Path:
        if str(value) in ("", ".", ":memory:"):
            raise ValueError("name a file: other processes cannot see a database in memory")
        check_path(value)
        return value
