"""What other systems show when they post to us: kept like a connection, and not to be moved."""

from towpath.connectors.listener.config import ListenerConfig
from towpath.sdk import Category, Connector

__all__ = ["connector"]

connector = Connector(
    name="listener",
    title="Listener",
    version="1.0.0",
    categories=(Category.APPLICATION,),
    config=ListenerConfig,
    summary="How a webhook knows its sender: a token, a password or the key of a signature.",
)
