"""The catalogues: what connectors and destinations can be made of."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BeforeValidator
from starlette.exceptions import HTTPException

from towpath.api.kit.routing import Router
from towpath.api.partners.callers import Door
from towpath.api.partners.directory import Directory, timer_name
from towpath.api.partners.schemas import (
    Category,
    ConnectorForm,
    ConnectorTemplate,
    ConnectorTemplateDetail,
    DestinationForm,
    DestinationTemplate,
    DestinationTemplateDetail,
    Detail,
    Entity,
    Item,
    Timer,
)
from towpath.core.ports import Connector, StreamOffer
from towpath.services import catalogue, forms


def _plain(value: str) -> str:
    if not value.isdecimal():
        raise ValueError("not a number")
    return value


#: The number in a path: digits, and nothing that could be read as a number too.
Id = Annotated[int, BeforeValidator(_plain), Path(ge=1, le=2**31 - 1)]
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Detail}}


def router(door: Door, directory: Directory) -> Router:
    found = door.router("Catalogues")

    @found.get("/connector-templates/")
    def list_connector_templates(
        category: Annotated[list[str] | None, Query(description="Only those in this category.")] = None,
    ) -> list[ConnectorTemplate]:
        """Everything that connectors can be made of; an empty list for a category that there is not."""
        wanted = {name.casefold() for name in category or () if name}
        templates = (_source(directory, number) for number in directory.sources)
        return [item for item in templates if not wanted or wanted & set(_names(item))]

    @found.get("/connector-templates/{template_id}", response_model_exclude_unset=True, responses=MISSING)
    def get_connector_template(template_id: Id) -> ConnectorTemplateDetail:
        """What a connector of this template needs, and what it can read."""
        connector = _known(directory.sources.get(template_id))
        items = _items(forms.form_of(connector.config), secrets_say_so=True)
        offers = directory.entities(connector).items()
        return ConnectorTemplateDetail(
            connector=_source(directory, template_id),
            credentials=ConnectorForm(schema_form=items),
            entities=[_entity(directory, number, offer) for number, offer in offers],
        )

    @found.get("/destination-templates/")
    def list_destination_templates() -> list[DestinationTemplate]:
        """Everything that destinations can be made of."""
        return [
            DestinationTemplate(**_destination(number, connector))
            for number, connector in directory.destinations.items()
        ]

    @found.get("/destination-templates/{template_id}", response_model_exclude_unset=True, responses=MISSING)
    def get_destination_template(template_id: Id) -> DestinationTemplateDetail:
        """What a destination of this template needs."""
        connector = _known(directory.destinations.get(template_id))
        items = _items(forms.form_of(connector.config), secrets_say_so=False)
        return DestinationTemplateDetail(
            **_destination(template_id, connector),
            scheme_form=DestinationForm(layout={}, schema_form=items),
            is_active=True,
            created_at=directory.published,
            updated_at=directory.published,
        )

    return found


def source_icon(connector: str) -> str:
    return f"icons/cat_connectors/{connector}.svg"


def destination_icon(connector: str) -> str:
    return f"icons/adapters/{connector}.svg"


def _known(connector: Connector[Any] | None) -> Connector[Any]:
    if connector is None:
        raise HTTPException(404)
    return connector


def _source(directory: Directory, number: int) -> ConnectorTemplate:
    connector = directory.sources[number]
    return ConnectorTemplate(
        id=number,
        code=connector.name,
        name=connector.title,
        description=connector.summary,
        icon=f"/media/{source_icon(connector.name)}",
        country_code=None,
        connector_categories=[
            Category(id=id, name=name) for id, name in directory.categories(connector).items()
        ],
    )


def _names(template: ConnectorTemplate) -> Iterable[str]:
    return (category.name.casefold() for category in template.connector_categories)


def _destination(number: int, connector: Connector[Any]) -> dict[str, Any]:
    return {
        "id": number,
        "code": connector.name,
        "name": connector.title,
        "description": connector.summary,
        "icon": f"/media/{destination_icon(connector.name)}",
    }


def _entity(directory: Directory, number: int, offer: StreamOffer) -> Entity:
    return Entity(
        id=number,
        name=catalogue.label(offer),
        description=offer.summary,
        entity_timer=[
            Timer(id=timer, name=timer_name(seconds), repeat_every=seconds)
            for timer, seconds in directory.timers(offer).items()
        ],
    )


def _items(form: forms.Form, *, secrets_say_so: bool) -> list[Item]:
    shown = [field for field in form.values() if not field.hidden]
    return [_item(field, secrets_say_so=secrets_say_so) for field in shown]


def _item(field: forms.Field, *, secrets_say_so: bool) -> Item:
    """With the keys that every form has, and of the others those that say something."""
    more: dict[str, Any] = {}
    if field.secret and secrets_say_so:
        more["auto_complete"] = "off"
    if field.options:
        more["options"] = list(field.options)
    if field.default is not None:
        more["default"] = field.default
    return Item(
        id=field.id,
        type="INPUT",
        label=field.label,
        required=field.required,
        placeholder=field.placeholder,
        **more,
    )
