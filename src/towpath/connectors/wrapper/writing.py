"""What an import says to a wrapper."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class WrapperWrite(BaseModel):
    """Which function takes the records, and what it is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    function: str = Field(min_length=1, max_length=200)
    configuration: Mapping[str, Any] = Field(default_factory=dict)
