"""The document ``streams_config`` as it comes in: JSON text or an object, and what of it means something."""

from collections.abc import Mapping
from json import JSONDecodeError
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from towpath.api.kit.strictjson import strict_json
from towpath.core.errors import ConfigError

Json = dict[str, Any]

#: Where errors say that they are.
ROOT = "streams_config"
_HINT = "Send what the source's streams were answered with, with the choices made in it."


class Part(BaseModel):
    """Unknown fields are other programs' own; null is as good as nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if value is not None}


class Comparison(BaseModel):
    """One condition of a filter; ``value`` null asks for null."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    column: str
    operator: str
    value: Any = None


class FilterConfig(Part):
    """Conditions of which all (``and``) or one (``or``) must hold."""

    logical_operator: str = "and"
    conditions: tuple[Comparison, ...] = ()


class SelectedColumns(Part):
    """Which columns are read."""

    columns: tuple[str, ...] | None = None
    sync_new_columns: bool = False
    """Whether columns are read that the stream gets later."""
    excluded: tuple[str, ...] = ()
    """Ours: columns that stay unread even if the catalogue does not know them."""


class Selected(Part):
    """What is wanted of one stream."""

    stream_name: Annotated[str, Field(min_length=1)]
    partition_regex: str = ""
    normalization: bool | None = None
    append_mode: bool | None = None
    filter: str = ""
    filter_config: FilterConfig = FilterConfig()
    selected_columns: SelectedColumns = SelectedColumns()
    disabled: bool = False
    """The entry is kept, and the stream is not selected."""
    write_mode: Literal["overwrite", "upsert"] | None = None
    """Ours: what is written without append mode, where it is not the usual."""
    primary_key: tuple[str, ...] | None = None
    """Ours: the key to write by instead of the stream's own."""
    lookback: float = Field(default=0, ge=0)
    """Ours: how far behind the last cursor value a read starts again."""


class Column(Part):
    """What the catalogue says of one column."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: tuple[str, ...] = ()

    @field_validator("type", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @property
    def word(self) -> str:
        """The type without its being nullable; ``null`` if nothing else is known."""
        return next((word for word in self.type if word != "null"), "null")

    @property
    def foreign(self) -> bool:
        """Whether a flag such as ``xyz_column: true`` marks it as no column of the source."""
        extra = self.model_extra or {}
        return any(name.endswith("_column") and value is True for name, value in extra.items())


class TypeSchema(Part):
    """The columns of a stream."""

    properties: dict[str, Column] = Field(default_factory=dict)


class Defaults(Part):
    """What counts where a selected stream does not say it."""

    normalization: bool = True
    append_mode: bool = False


class Offer(Part):
    """A stream as the catalogue describes it, with those choices that stand there."""

    name: Annotated[str, Field(min_length=1)]
    namespace: str = ""
    type_schema: TypeSchema = TypeSchema()
    supported_sync_modes: tuple[str, ...] = ()
    source_defined_primary_key: tuple[str, ...] = ()
    cursor_field: str = ""
    sync_mode: str = ""
    destination_database: str = ""
    destination_table: str = ""
    default_stream_properties: Defaults = Defaults()


class Entry(Part):
    """One stream of the catalogue."""

    stream: Offer


class StreamsConfig(Part):
    """The whole document."""

    selected_streams: dict[str, tuple[Selected, ...]] = Field(default_factory=dict)
    streams: tuple[Entry, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether it says nothing at all."""
        return not self.selected_streams and not self.streams

    @classmethod
    def read(cls, streams_config: "str | Mapping[str, Any] | None") -> Self:
        """Raises `ConfigError` with the path of the field at fault."""
        try:
            return cls.model_validate(parsed(streams_config))
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            field = ".".join([ROOT, *(str(part) for part in fault["loc"])])
            raise _invalid(f"{field}: {fault['msg']}.", field) from None


def parsed(streams_config: str | Mapping[str, Any] | None) -> Json:
    """The document as an object; nothing said (``""``, ``"[]"``, ``{}``, None) is an empty one.

    Takes it out of a wrapping ``{"streams_config": …}``. Raises `ConfigError` (``config.invalid``).
    """
    found: Any = streams_config
    if isinstance(found, str):
        found = _of_text(found) if found.strip() else None
    if isinstance(found, Mapping) and ROOT in found and "streams" not in found:
        return parsed(found[ROOT])
    if found is None or found == []:
        return {}
    if not isinstance(found, Mapping):
        raise _invalid("The streams are no JSON object.", ROOT)
    if found and not found.keys() & StreamsConfig.model_fields.keys():
        # Nothing said is every stream: a slip of the pen must not come to that.
        raise _invalid("The streams have neither selected_streams nor streams.", ROOT)
    return dict(found)


def _of_text(text: str) -> Any:
    try:
        return strict_json(text.encode())
    except (JSONDecodeError, UnicodeEncodeError) as error:
        reason = error.msg if isinstance(error, JSONDecodeError) else "not Unicode"
        raise _invalid(f"The streams are not JSON: {reason}.", ROOT) from None


def _invalid(message: str, field: str) -> ConfigError:
    return ConfigError("config.invalid", message, hint=_HINT, field=field)


def key_of(namespace: str | None, name: str) -> str:
    """What we call the stream: ``namespace.name``, or the bare name."""
    return f"{namespace}.{name}" if namespace else name
