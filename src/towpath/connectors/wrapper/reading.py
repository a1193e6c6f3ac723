"""What an export says to a wrapper."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class WrapperRead(BaseModel):
    """Which function gives the records, and what it is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    function: str = Field(min_length=1, max_length=200)
    configuration: Mapping[str, Any] = Field(default_factory=dict)
    type: Literal["delta", "once", "test"] | None = None
    """None: all records."""
    date_field: str | None = None
    """Of ``delta``."""
    boolean_field: str | None = None
    """Of ``once``."""
    limit: int | None = Field(None, ge=1)
    """Of ``test``."""
