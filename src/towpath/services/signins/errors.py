"""How sign-ins fail, in words for the person in front of the browser."""

from towpath.core.errors import AuthError, ConflictError, NotFoundError, TowpathError

_AGAIN = "Ask whoever sent you the link for a new one."


def link_invalid() -> TowpathError:
    return NotFoundError(
        "sign_in.link_invalid",
        "This link is not valid.",
        hint=f"Check that you have copied all of it. {_AGAIN}",
    )


def expired() -> TowpathError:
    return ConflictError("sign_in.expired", "This link has expired.", hint=_AGAIN)


def used() -> TowpathError:
    return ConflictError(
        "sign_in.used", "This link was used already.", hint=f"If you are not connected yet: {_AGAIN}"
    )


def other_browser() -> TowpathError:
    return AuthError(
        "sign_in.other_browser",
        "This sign-in was begun in another browser.",
        hint="Go on there, with cookies allowed. Or ask for a new link, and open it here.",
    )


def issuer_wrong(provider: str) -> TowpathError:
    return AuthError(
        "sign_in.issuer_wrong",
        f"The answer does not come from {provider}.",
        hint=f"Nothing was connected. {_AGAIN}",
    )


def denied(provider: str) -> TowpathError:
    return AuthError(
        "sign_in.denied",
        f"{provider} was told not to connect.",
        hint="If you did not mean to say no, open the link again.",
    )


def failed(provider: str, cause: str) -> TowpathError:
    return AuthError(
        "sign_in.failed",
        f"{provider} did not complete the sign-in.",
        hint=f"Nothing was connected. {_AGAIN}",
        cause=cause,
    )
