"""The error of one record that cannot be mapped."""

from typing import Any, Self

from towpath.core.errors import DataError, TowpathError
from towpath.dataplane.paths import MISSING
from towpath.dataplane.values import Refused, shown


class MappingError(DataError):
    """A record that cannot be mapped.

    ``source`` is ``mapping``, ``lookup``, ``transformation`` or ``response_mapping``; ``field`` the path that
    was to be generated. The context says the same, with ``generate``, ``extract`` and the (shortened) value
    that was ``extracted``.
    """

    def __init__(self, code: str, message: str, *, hint: str = "", **context: Any) -> None:
        super().__init__(code, message, hint=hint, **context)
        self.source = str(context.get("source", "mapping"))
        self.field = context.get("field")

    def at(self, source: str) -> Self:
        """The same error, of another language than a mapping; one of a lookup stays that."""
        if self.source == "mapping":
            self.source = self.context["source"] = source
        return self

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"type": DataError.__name__}


def mapping_error(error: Exception, generate: str, extract: str, value: Any = MISSING) -> TowpathError:
    """What to raise for ``error``, which came up while the field ``generate`` was made.

    Errors of a system that was asked are theirs and stay as they are.
    """
    if isinstance(error, MappingError):
        return error
    if isinstance(error, TowpathError) and not isinstance(error, DataError):
        return error
    source, code, hint = "mapping", "mapping.failed", "Look at the value that is read for this field."
    message = f"The value cannot be mapped: {type(error).__name__}."
    if isinstance(error, Refused | DataError):
        code, message, hint = error.code, error.message, error.hint
        source = error.source if isinstance(error, Refused) else str(error.context.get("source", source))
    extracted = {} if value is MISSING else {"extracted": shown(value)}
    place = f"{generate}: " if generate else ""
    return MappingError(
        code, place + message, hint=hint, source=source, field=generate, generate=generate, extract=extract,
        **extracted,
    )  # fmt: skip
