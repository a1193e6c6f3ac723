"""``/settings``: where a project's alerts go."""

from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, Field

from towpath.api.console.answers import Answer
from towpath.api.console.members import Here, Place
from towpath.api.kit.routing import Router
from towpath.core.errors import ConfigError
from towpath.services.jobs.alert_settings import Alerts
from towpath.services.numbering import Numbering

router = Router(prefix="/api/v1/project/{projectid}/settings", tags=["Settings"])

_URL = "webhook_alert_url"


class SettingsView(BaseModel):
    """The settings of a project."""

    id: int
    project_id: str
    webhook_alert_url: str
    """Empty while alerts are off."""


class ChangedSettings(SettingsView):
    """The same, and what is shown once."""

    webhook_signing_secret: str | None
    """Null unless it is a new one."""


class Wish(BaseModel):
    """What settings shall be; what is left out stays."""

    project_id: str | int | None = None
    """The project in the path, for those who repeat it."""
    webhook_alert_url: Annotated[str | None, Field(max_length=2000)] = None
    """http or https; empty or null switches alerts off."""
    rotate_signing_secret: bool = False


class Heard(BaseModel):
    """What the receiver made of a test."""

    delivered: bool
    status: int | None
    """Null if there was no answer."""
    answer: str
    """What it said, or why nothing came of it."""


@router.get("", summary="Get the settings of a project")
def get_settings(here: Here) -> Answer[SettingsView]:
    return Answer(message="Settings of the project", data=_view(here))


@router.put("", summary="Set where a project's alerts go")
def put_settings(here: Here, wish: Wish, response: Response) -> Answer[ChangedSettings]:
    """A new address, or ``rotate_signing_secret``, makes a new signing secret: it is in this answer only."""
    if wish.project_id is not None and str(wish.project_id) != here.project.name:
        raise ConfigError(
            "config.invalid",
            "The project in the body is not the one in the address.",
            hint="Leave project_id out, or make it the same.",
            field="project_id",
        )
    secret = _change(here, wish)
    response.headers["Cache-Control"] = "no-store"
    data = ChangedSettings(**dict(_view(here)), webhook_signing_secret=secret)
    return Answer(message="Settings saved", data=data)


@router.post("/test", summary="Send an alert that is only a test")
def test_settings(here: Here) -> Answer[Heard]:
    heard = _alerts(here).test(here.org, here.project)
    message = "The receiver took it" if heard.delivered else f"The test did not arrive: {heard.said}"
    if not heard.delivered and heard.status is not None:
        message = f"The receiver answered {heard.status}: {heard.said}".rstrip(": ")
    return Answer(
        message=message, data=Heard(delivered=heard.delivered, status=heard.status, answer=heard.said)
    )


def _change(here: Place, wish: Wish) -> str | None:
    alerts, url = _alerts(here), (wish.webhook_alert_url or "").strip()
    try:
        if _URL not in wish.model_fields_set:
            secret = alerts.rotate(here.org, here.project) if wish.rotate_signing_secret else None
        elif url:
            secret = alerts.send_to(here.org, here.project, url, rotate=wish.rotate_signing_secret)
        else:
            alerts.off(here.org, here.project)
            secret = None
    except ConfigError as error:
        # In this family the field has another name.
        raise ConfigError(error.code, error.message, hint=error.hint, field=_URL) from None
    return secret.get_secret_value() if secret else None


def _view(here: Place) -> SettingsView:
    project = here.project
    number = Numbering(here.rooms).of(here.org, "project", [project.id])[project.id]
    url = _alerts(here).url(here.org, project) or ""
    return SettingsView(id=number, project_id=project.name, webhook_alert_url=url)


def _alerts(here: Place) -> Alerts:
    return Alerts(*here.use)
