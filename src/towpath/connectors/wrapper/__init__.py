"""Any system at all, through functions of the user's own on an extension server."""

from contextlib import AbstractContextManager

from towpath.connectors.wrapper.config import WrapperConfig
from towpath.connectors.wrapper.reading import WrapperRead
from towpath.connectors.wrapper.writing import WrapperWrite
from towpath.sdk import Application, Category, Connector

__all__ = ["connector"]


def _application(config: WrapperConfig) -> AbstractContextManager[Application]:
    from towpath.connectors.wrapper.application import WrapperApplication

    return WrapperApplication(config)


connector = Connector(
    name="wrapper",
    title="Wrapper",
    version="1.0.0",
    categories=(Category.APPLICATION,),
    config=WrapperConfig,
    application=_application,
    reading=WrapperRead,
    writing=WrapperWrite,
    summary="Records read and written by functions of your own on an extension server.",
)
