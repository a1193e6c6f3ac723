"""A stack: functions of users' own, on a server that hooks, wrappers and apps call."""

from towpath.connectors.extension.config import ExtensionConfig
from towpath.sdk import Category, Connector

__all__ = ["connector"]

connector = Connector(
    name="extension",
    title="Extension server",
    version="1.0.0",
    categories=(Category.APPLICATION,),
    config=ExtensionConfig,
    summary="Functions of your own on a server of your own, called in the middle of a run.",
)
