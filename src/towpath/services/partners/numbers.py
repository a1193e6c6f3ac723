"""How partners call things: by whole numbers that an organization counts for itself."""

from enum import StrEnum

from towpath.services import numbering


class Kind(StrEnum):
    """What has numbers of its own."""

    CONNECTION = DESTINATION = "connection"
    CONNECTOR = "integration"
    FLOW = "flow"
    USER = "key"


class Numbering(numbering.Numbering):
    """Numbers for ids, and back; and for the organization itself."""

    def organization(self, org: str) -> int:
        """The organization's own number: its place among all, from 1."""
        with self.rooms.store.read() as work:
            return [item.id for item in work.organizations.list()].index(org) + 1
