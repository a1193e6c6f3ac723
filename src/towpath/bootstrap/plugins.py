"""The connectors, told what they may reach."""

from towpath.bootstrap import settings
from towpath.bootstrap.settings import Settings
from towpath.sdk import guard
from towpath.sdk.registry import Registry


def installed(chosen: Settings) -> Registry:
    """The installed connectors, with the operator's list of hosts in force in this process."""
    guard.configure(guard.AllowedHosts.parse(",".join(chosen.allowed_hosts)))
    return Registry.installed()


def in_child() -> Registry:
    """The same in a child process of the engine, which inherits the settings that are no secrets."""
    return installed(settings.load())
