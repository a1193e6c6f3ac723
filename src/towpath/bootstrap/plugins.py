"""The connectors, told what they may reach."""

from pathlib import Path

from towpath.bootstrap import settings
from towpath.bootstrap.settings import Settings
from towpath.sdk import fileguard, guard
from towpath.sdk.registry import Registry

#: Folder in the home folder for the operator's own connectors, one YAML file each.
FOLDER = "connectors"


def installed(chosen: Settings) -> Registry:
    """The installed connectors and those of the home folder.

    The operator's lists of hosts and folders are in force in this process from now on, and Towpath's own
    files are safe.
    """
    guard.configure(guard.AllowedHosts.parse(",".join(chosen.allowed_hosts)))
    store = chosen.database_url.partition("sqlite:///")[2]
    own = [*fileguard.own_files(chosen.home), chosen.master_key_file, *([Path(store)] if store else [])]
    fileguard.configure(own, chosen.allowed_folders)
    return Registry.installed(chosen.home / FOLDER)


def in_child() -> Registry:
    """The same in a child process of the engine, which inherits the settings that are no secrets."""
    return installed(settings.load())
