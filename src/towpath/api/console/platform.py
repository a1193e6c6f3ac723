"""What consoles of this dialect ask of the installation itself, also before anybody has signed in."""

from pydantic import BaseModel

from towpath import __version__
from towpath.api.console.accounts import Nothing
from towpath.api.console.answers import Answer
from towpath.api.kit.routing import Router

router = Router(tags=["Platform"])


class Telemetry(BaseModel):
    """Nobody is counted: without an id consoles send nothing anywhere."""

    user_id: str = ""
    version: str = __version__


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"
    version: str = __version__


class Switch(BaseModel):
    """Whether there is such a thing."""

    enabled: bool = False


@router.get("/telemetry-id", summary="Telemetry")
def telemetry() -> Answer[Telemetry]:
    """There is none."""
    return Answer(message="Nobody is counted.", data=Telemetry())


@router.get("/health", summary="Health")
def health() -> Answer[Health]:
    """Whether the server answers; whether it can work is at `/readyz`."""
    return Answer(message="The server answers.", data=Health())


@router.get("/api/v1/platform/opt/status", summary="Table Maintenance")
def maintenance() -> Answer[Switch]:
    """There is none."""
    return Answer(message="Tables are not maintained here.", data=Switch())


@router.get("/api/v1/platform/releases", summary="Releases")
def releases() -> Answer[Nothing]:
    """Nothing is looked up anywhere."""
    return Answer(message="Releases are not looked up.", data=Nothing())
