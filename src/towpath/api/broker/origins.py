"""Where providers send browsers back to."""

from fastapi import Request

from towpath.api.kit.origins import origin

#: Registered with every provider as where it may send browsers back to.
CALLBACK = "/connect/callback"


def callback(request: Request) -> str:
    """The redirect address, exactly as it is to be registered. Raises as `origin` does."""
    return origin(request) + CALLBACK
