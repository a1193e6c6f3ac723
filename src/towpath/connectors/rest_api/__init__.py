"""Any HTTP API: its records are read page by page, and written one by one or in batches."""

from contextlib import AbstractContextManager

from towpath.connectors.rest_api.config import RestConfig
from towpath.connectors.rest_api.reading import RestReading
from towpath.connectors.rest_api.writing import RestWriting
from towpath.sdk import Application, Category, Connector

__all__ = ["connector"]


def _application(config: RestConfig) -> AbstractContextManager[Application]:
    from towpath.connectors.rest_api.application import RestApplication

    return RestApplication(config)


connector = Connector(
    name="rest_api",
    title="HTTP API",
    version="1.0.0",
    categories=(Category.APPLICATION,),
    config=RestConfig,
    application=_application,
    reading=RestReading,
    writing=RestWriting,
    summary="Any HTTP API, with every usual kind of paging and credentials.",
)
