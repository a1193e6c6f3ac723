"""What the functions of a wrapper may answer."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from towpath.sdk import AuthError, DataError, Failure

#: Statuses that say that the connection does not work any more.
OFFLINE = (401, 403)

Kind = TypeVar("Kind")


def _or_empty(value: Any) -> Any:
    return [] if value is None else value


def _text(value: Any) -> Any:
    """Numbers, as programs tend to give them where a text is meant."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if plain else value


class _Answer(BaseModel):
    """What is not known here does no harm."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


_Text = Annotated[str | None, BeforeValidator(_text)]


class Fault(_Answer):
    """One error that a function tells of."""

    code: _Text = None
    message: _Text = None
    source: _Text = None

    def failure(self, source: str) -> Failure:
        return Failure(
            code=self.code or "error",
            message=self.message or "The function gave no message.",
            source=self.source or source,
        )


_Faults = Annotated[list[Fault], BeforeValidator(_or_empty)]


class Ping(_Answer):
    """Of the ping function."""

    status_code: Literal[200, 401, 403]
    errors: _Faults = []

    def reasons(self) -> str:
        """The errors, in one line."""
        return "; ".join(filter(None, (fault.message or fault.code for fault in self.errors)))


class Export(_Answer):
    """Of an export function: some records, and where to go on."""

    data: Annotated[list[dict[str, Any] | list[Any]], BeforeValidator(_or_empty)] = []
    errors: _Faults = []
    last_page: bool | None = None
    state: Any = None
    connection_offline: bool | None = None


class Written(_Answer):
    """Of an import function, for one record."""

    status_code: int = Field(ge=200, le=599)
    id: _Text = None
    ignored: bool | None = None
    errors: _Faults = []
    data_uri: str | None = Field(None, alias="dataURI")
    answer: Any = Field(None, alias="_json")


def parsed(kind: type[Kind], answer: Any, function: str) -> Kind:
    """The answer as one of these. Raises `DataError` ``extension.bad_answer``, which shows no value."""
    try:
        return TypeAdapter(kind).validate_python(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the answer"
        raise bad_answer(function, f"{where}: {first['msg']}") from None


def bad_answer(function: str, what: str) -> DataError:
    """For an answer of a wrong shape."""
    return DataError(
        "extension.bad_answer",
        f"The wrapper function {function} answered with something of a wrong shape: {what}.",
        hint="Compare what it calls back with and the shapes in the documentation of wrappers.",
        function=function,
    )


def offline(function: str, why: str) -> AuthError:
    """For a function that says that its system cannot be reached with these credentials."""
    return AuthError(
        "connection.auth_failed",
        f"The wrapper function {function} says that the connection does not work: {why or 'no reason'}.",
        hint="Check the settings of the connection, and the log of the extension server.",
        function=function,
    )
