"""The connectors, told what they may reach."""

from towpath.bootstrap import settings
from towpath.bootstrap.settings import Settings
from towpath.sdk import guard
from towpath.sdk.registry import Registry

#: Folder in the home folder for the operator's own connectors, one YAML file each.
FOLDER = "connectors"


def installed(chosen: Settings) -> Registry:
    """The installed connectors and those of the home folder.

    The operator's list of hosts is in force in this process from now on.
    """
    guard.configure(guard.AllowedHosts.parse(",".join(chosen.allowed_hosts)))
    return Registry.installed(chosen.home / FOLDER)


def in_child() -> Registry:
    """The same in a child process of the engine, which inherits the settings that are no secrets."""
    return installed(settings.load())
