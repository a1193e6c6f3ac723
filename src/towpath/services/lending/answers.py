"""The words of lending: what is asked, and what may be answered."""

from dataclasses import dataclass
from enum import IntEnum

#: How long who was refused for want of our store or key should wait, in seconds.
STORE_PAUSE = 5
#: The same where another system does not renew a token.
UPSTREAM_PAUSE = 30


class Outcome(IntEnum):
    """How a fetch ended, by the numbers of the published contract: so the audit trail shows it too."""

    LENT = 200
    UNAUTHENTICATED = 401
    """No key, or one that does not open this instance's door; which, only the audit trail says."""
    NOT_CAPABLE = 403
    """The grant does not include the capability that was asked for."""
    NOT_FOUND = 404
    """No such connection, or it is not granted: the two are never told apart."""
    AMBIGUOUS = 409
    """Several connections fit, and none is taken by chance."""
    INVALID = 422
    """Something of the request is missing or malformed."""
    NOT_READY = 424
    """The connection itself has to be set right first; ``code`` says how."""
    FAILED = 500
    """Something is wrong on our side: what is stored does not open, or worse."""
    UNAVAILABLE = 503
    """Now, for a reason that may pass."""


# Not frozen: both are made for each request, and assigning is three times as fast as what "frozen" does.
@dataclass(slots=True)
class Ask:
    """One fetch."""

    digest: str | None
    """Of the key that was shown; None if it has not even the form of one."""
    instance: str | None
    """Id of the instance whose door it is; None if the path holds no UUID."""
    provider: str | None
    """Name of a connector in any case; None if it is missing."""
    name: str | None = None
    """Of the connection, exactly; None for the only one."""
    capability: str | None = None
    """None or empty: none in particular."""
    address: str | None = None
    request: str | None = None
    key_given: bool = True
    renewed: bool = False
    """Whether a renewal of the token was just tried: what is there now is what there is."""


@dataclass(slots=True)
class Answer:
    """What a fetch comes to. Holds a secret if ``outcome`` is `LENT`: never logged, never kept."""

    outcome: Outcome
    code: str = ""
    """Tells causes of one outcome apart, where the caller may know."""
    body: bytes = b""
    """The JSON text that the caller gets, if it is lent."""
    names: tuple[str, ...] = ()
    """If it is ambiguous: the connections to choose from."""
    retry_after: int | None = None

    def __repr__(self) -> str:
        return f"Answer({self.outcome.name}, {self.code!r})"


@dataclass(slots=True)
class Due:
    """Nothing is decided yet, and nothing on record: the token is to be renewed, and then asked again."""

    org: str
    connection: str
    usable: bool
    """Whether the present token still lives: then a slow or failed renewal is no reason to refuse."""


def refusal(outcome: Outcome, code: str = "", names: tuple[str, ...] = ()) -> Answer:
    pause = STORE_PAUSE if outcome is Outcome.UNAVAILABLE else None
    return Answer(outcome, code, names=names, retry_after=pause)
