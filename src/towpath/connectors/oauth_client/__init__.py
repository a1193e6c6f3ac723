"""An organization's registration with an OAuth 2 provider: kept like a connection, and not to be moved."""

from towpath.connectors.oauth_client.config import OAuthClientConfig
from towpath.sdk import Category, Connector

__all__ = ["connector"]

connector = Connector(
    name="oauth_client",
    title="OAuth client",
    version="1.0.0",
    categories=(Category.APPLICATION,),
    config=OAuthClientConfig,
    summary="Client id and secret that a provider knows the organization by; for signing customers in.",
)
