"""Every error that a user may see.

::

    TowpathError
    ├── ConfigError       the configuration is wrong: which field, and what it should be
    ├── AuthError         the other system, or we, refused the credentials
    ├── UnreachableError  the other system does not answer (retryable)
    ├── NotFoundError     no such thing, or not yours (the two are never told apart)
    ├── ConflictError     it exists already, or changed meanwhile
    ├── BusyError         somebody else is at it; try again later (retryable)
    ├── SchemaError       the shape of the data does not allow what was asked
    ├── DataError         a value that cannot be carried over as it is
    ├── ResourceError     disk full, read-only folder, out of memory
    ├── IntegrityError    our own store, key or staging is damaged
    └── InternalError     a defect of ours

Each carries a stable ``code`` (``family.reason``; a page for each in ``docs/reference/errors/``), a
``hint`` that says what to do, and ``context`` that says where. HTTP statuses and exit codes are not known
here: each API family and the command line map the classes at their own door.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self


class TowpathError(Exception):
    """Base of all errors. Never put a secret into ``message``, ``hint`` or ``context``."""

    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        retryable: bool | None = None,
        **context: Any,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.retryable = self.default_retryable if retryable is None else retryable
        self.context = context

    def __str__(self) -> str:
        return self.message

    def to_json(self) -> dict[str, Any]:
        """A JSON object from which :meth:`from_json` makes an equal error in another process."""
        return {
            "type": type(self).__name__,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
            "context": {key: str(value) for key, value in self.context.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "TowpathError":
        """The error that :meth:`to_json` wrote; an unknown type becomes an `InternalError`."""
        kind = _KINDS.get(data["type"], InternalError)
        return kind(
            data["code"],
            data["message"],
            hint=data["hint"],
            retryable=data["retryable"],
            **data["context"],
        )

    def with_context(self, **context: Any) -> Self:
        """The same error, knowing more of where it happened; what it knew already stays."""
        self.context = context | self.context
        return self


class ConfigError(TowpathError):
    """The configuration is wrong; ``context["field"]`` names the path of the field at fault."""


class AuthError(TowpathError):
    """Credentials were refused."""


class UnreachableError(TowpathError):
    """The other system does not answer, or went away."""

    default_retryable = True


class NotFoundError(TowpathError):
    """No such thing, or another organization's: the two read exactly the same."""


class ConflictError(TowpathError):
    """It exists already, or was changed meanwhile."""


class BusyError(TowpathError):
    """Somebody else holds what is needed; trying again later may work."""

    default_retryable = True


class SchemaError(TowpathError):
    """A table, column or key that the flow needs is missing or of the wrong shape."""


class DataError(TowpathError):
    """A value that the destination cannot hold, or that cannot be read exactly."""


class ResourceError(TowpathError):
    """The machine has not what is needed: disk space, permission, memory."""


class IntegrityError(TowpathError):
    """Our own store, vault key or staging is damaged or does not fit together."""


class InternalError(TowpathError):
    """A defect in Towpath or in a connector."""


_KINDS: dict[str, type[TowpathError]] = {kind.__name__: kind for kind in TowpathError.__subclasses__()}
