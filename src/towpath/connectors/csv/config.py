"""The settings of a place of CSV files."""

import codecs
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from towpath.sdk.files import typenames
from towpath.sdk.files.config import FilesConfig


class CsvConfig(FilesConfig):
    """Where the files are, and which dialect they speak; writing and reading use the same."""

    delimiter: str = Field(",", min_length=1, max_length=1, title="Delimiter")
    quote: str = Field('"', min_length=1, max_length=1, title="Quote")
    header: bool = Field(
        default=True, title="Header", description="The first line names the columns; without: column_1 …"
    )
    encoding: str = Field("utf-8", title="Encoding", description="Such as utf-8, latin-1, cp1252, utf-16.")
    null_text: str = Field(
        "", title="Null", description='What stands, without quotes, for null. An empty text is written as "".'
    )
    compression: Literal["none", "gzip"] = Field(
        "none", title="Compression", description="Of the files that are written. Reading goes by .csv.gz."
    )
    types: dict[str, dict[str, str]] = Field({}, title="Types", description=typenames.DESCRIPTION)

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"{value!r} is not an encoding that Python knows") from None

    @field_validator("types")
    @classmethod
    def _types(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        typenames.check(value)
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        special = {self.delimiter, self.quote, "\r", "\n"}
        if self.delimiter == self.quote or not {self.delimiter, self.quote}.isdisjoint("\r\n"):
            raise ValueError("delimiter and quote must differ, and be no line breaks")
        if not special.isdisjoint(self.null_text):
            raise ValueError("null_text must not hold the delimiter, the quote or a line break")
        return self
