"""The source type ``s3``: files in a bucket, of one format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from towpath.api.console.dialect import trees
from towpath.api.console.dialect.databases import Retries
from towpath.api.console.dialect.draft import draft07
from towpath.api.console.dialect.forms import laid_out_spec
from towpath.api.console.dialect.kind import Spec, Translated
from towpath.api.console.dialect.rules import Constant, Folder, Setting
from towpath.api.console.dialect.settings import Settings, check, unsupported
from towpath.api.console.dialect.worded import Worded
from towpath.core.ports import Connector

#: What the formats are called, and our connectors for them.
FORMATS: Mapping[str, str] = {"csv": "csv", "json": "jsonl", "parquet": "parquet"}
#: What our connectors can write with.
_PACKINGS: Mapping[str, tuple[str, ...]] = {
    "csv": ("none", "gzip"),
    "json": ("none", "gzip"),
    "parquet": ("none", "zstd", "snappy", "lz4"),
}


class _Format(Settings):
    file_format: Literal["csv", "json", "parquet"] = Field(title="File format")


class _Csv(Settings):
    delimiter: str = Field(",", min_length=1, max_length=1, title="Delimiter")
    quote_character: str = Field('"', min_length=1, max_length=1, title="Quote")
    has_header: bool = Field(default=True, title="Header", description="The first line names the columns.")


class S3Settings(_Format):
    """Where the files are. Each folder directly below the prefix is a stream, and so is each file there."""

    bucket_name: str = Field(min_length=1, pattern=r"^[^/]*$", title="Bucket")
    path_prefix: str = Field("", title="Prefix")
    region: str = Field("", title="Region")
    access_key_id: str = Field(
        "", title="Access key id", description="Empty: the machine's own credentials (environment, role)."
    )
    secret_access_key: SecretStr = Field(SecretStr(""), title="Secret access key")
    endpoint: str = Field("", title="Endpoint", description="URL of S3-compatible storage; empty for AWS.")
    compression: Literal["none", "gzip", "zstd", "snappy", "lz4"] = Field(
        "none", title="Compression", description="Of no effect: the files tell it, by their names or within."
    )
    csv: _Csv = Field(_Csv(), title="CSV")
    json_options: Settings = Field(Settings(), alias="json", title="JSON")
    parquet: Settings = Field(Settings(), title="Parquet")
    max_threads: int = Field(3, ge=1, title="Threads", description="Kept, and of no effect here.")
    retry_count: Retries = Field(3, title="Retries")

    @model_validator(mode="after")
    def _both_keys(self) -> Self:
        if bool(self.access_key_id) != bool(self.secret_access_key.get_secret_value()):
            raise ValueError("access_key_id and secret_access_key belong together: give both or neither")
        return self


@dataclass(frozen=True)
class S3:
    """A `Kind` over several connectors: which one it is, the format says."""

    name: str
    formats: Mapping[str, Worded]
    """By the dialect's name of the format."""

    def to_ours(self, config: Mapping[str, Any]) -> Translated:
        _refuse(config)
        check(_Format, {"file_format": config.get("file_format")})
        return self.formats[config["file_format"]].to_ours(config)

    def from_ours(
        self, connector: str, config: Mapping[str, Any], extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        return self._of(connector).from_ours(connector, config, extra)

    def spec(self) -> Spec:
        """What all formats ask for, and below it what the chosen one does."""
        schema = draft07(S3Settings.model_json_schema(), "S3")
        fields = schema["properties"]
        options = {name: fields.pop(name) for name in FORMATS}
        arms = [
            {"properties": {"file_format": {"const": name}} | _shown(name, options) | worded.own()}
            for name, worded in self.formats.items()
        ]
        return laid_out_spec(schema | {"dependencies": {"file_format": {"oneOf": arms}}})

    def place(self, field: str) -> str:
        """The formats differ in none but their own options."""
        return next(iter(self.formats.values())).place(field)

    def _of(self, connector: str) -> Worded:
        for worded in self.formats.values():
            if worded.plugin.name == connector:
                return worded
        # A document may say of any connection that it is of this type.
        raise unsupported(
            "type", f"A connection of {connector} is not of the type {self.name}.", "Choose its own."
        )


def _shown(format: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a format that a form shows: those of the others have but one value that we can take."""
    return {format: options[format]} if format == "csv" else {}


def kind(connectors: Mapping[str, Connector[Any]]) -> S3:
    """The type, over our connectors by the name of their format."""
    return S3("s3", {name: _worded(name, connector) for name, connector in connectors.items()})


def _worded(format: str, connector: Connector[Any]) -> Worded:
    options = (
        (
            Setting("csv.delimiter", "delimiter"),
            Setting("csv.quote_character", "quote"),
            Setting("csv.has_header", "header"),
        )
        if format == "csv"
        else ()
    )
    rules = (
        Constant("file_format", format),
        Folder("bucket_name", "path_prefix", "path", at_fault="bucket_name"),
        Setting("region", "region"),
        Setting("access_key_id", "access_key"),
        Setting("secret_access_key", "secret_key", secret=True),
        Setting("endpoint", "endpoint"),
        Setting("compression", "compression", to_ours=lambda codec: _packing(format, codec)),
        *options,
    )
    return Worded("s3", connector, S3Settings, rules)


def _packing(format: str, codec: str) -> str | None:
    """What the connector would write with; nothing for what it cannot, for here it only reads."""
    return codec if codec in _PACKINGS[format] else None


def _refuse(config: Mapping[str, Any]) -> None:
    for field, when, what, hint in _REFUSED:
        if when(trees.at(config, field)):
            raise unsupported(field, what, hint)


_REFUSED = (
    ("file_format", lambda value: value == "xml", "XML files cannot be read.", "Use csv, json or parquet."),
    (
        "compression",
        lambda value: value == "zip",
        "Files in ZIP archives cannot be read.",
        "Pack them with gzip, or not at all.",
    ),
    (
        "file_pattern",
        bool,
        "Files cannot be chosen by a pattern.",
        "Leave it empty, and choose a prefix or a stream.",
    ),
    (
        "csv.skip_rows",
        bool,
        "Lines above the header cannot be skipped.",
        "Set it to 0, and begin the files with the header.",
    ),
    (
        "json.line_delimited",
        lambda value: value is False,
        "JSON is read as one record in each line.",
        "Set it to true, and write the files as JSON Lines.",
    ),
)
