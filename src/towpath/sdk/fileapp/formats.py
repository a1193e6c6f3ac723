"""The words that reading and writing share."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Format = Literal["csv", "json", "xml", "xlsx"]
Compression = Literal["none", "gzip", "zip"]
Encoding = Literal[
    "utf-8", "windows-1252", "utf-16-le", "gb18030", "mac-roman", "iso-8859-1", "shift-jis"
]  # fmt: skip

#: What Python calls them.
_CODECS = {"windows-1252": "cp1252", "shift-jis": "cp932"}


def codec(encoding: Encoding) -> str:
    """Python's name of the encoding. What the world calls Shift JIS is Microsoft's, with more characters."""
    return _CODECS.get(encoding, encoding)


def _spelled(value: object) -> object:
    r"""Tabs and line ends as forms spell them."""
    if not isinstance(value, str):
        return value
    return value.replace("\\t", "\t").replace("\\r", "\r").replace("\\n", "\n")


#: One or more characters that part cells or rows.
Delimiter = Annotated[str, BeforeValidator(_spelled), Field(max_length=10)]


class Settings(BaseModel):
    """Base of what a step says about its files."""

    model_config = ConfigDict(extra="forbid", frozen=True)
