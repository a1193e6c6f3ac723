"""What the classes of this dialect's settings share, and how they say no."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from towpath.core.errors import ConfigError
from towpath.core.reasons import plain_reason


def _harmless(value: Any) -> Any:
    """What nobody has a word for is kept in the clear: a text there could be a secret, or matter."""
    if value is None or isinstance(value, bool | int | float) or value in ("", [], {}):
        return value
    raise ValueError("there is no such setting")


class Settings(BaseModel):
    """Settings in the dialect's words. Numbers and blanks that it does not know are taken, and texts not."""

    model_config = ConfigDict(extra="allow", frozen=True)

    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(_harmless)]]


def check(form: type[Settings], config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` (``config.invalid``) naming the first field at fault, and no value. An empty name
    is for all of them together.
    """
    try:
        form.model_validate(config)
    except ValidationError as error:
        faults = [
            (_path(config, fault["loc"]), fault["msg"])
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        told = "; ".join(f"{path}: {_said(text)}" if path else _said(text) for path, text in faults)
        raise ConfigError(
            "config.invalid",
            f"The settings are wrong: {told}.",
            hint=f"Correct {faults[0][0]!r} and try again."
            if faults[0][0]
            else "Correct them and try again.",
            field=faults[0][0],
        ) from None


def unsupported(field: str, what: str, hint: str) -> ConfigError:
    """The error for a setting of the dialect that we cannot honour."""
    return ConfigError("config.unsupported", what, hint=hint, field=field)


def _path(config: Mapping[str, Any], location: tuple[int | str, ...]) -> str:
    """The dotted path, without the words that pydantic puts in for the choices of a union."""
    found: list[str] = []
    here: Any = config
    for part in location:
        if isinstance(here, Mapping) and part not in here and part != location[-1]:
            continue
        found.append(str(part))
        here = here.get(part) if isinstance(here, Mapping) else None
    return ".".join(found)


def _said(message: str) -> str:
    return plain_reason(message).removesuffix(".")
