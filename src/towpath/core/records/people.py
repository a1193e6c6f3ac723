"""Who may come in: people, programs, and the customers that they act for."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from towpath.core.ids import new_id
from towpath.core.records.base import Owned


@dataclass(frozen=True, kw_only=True)
class Customer(Owned):
    """An end customer of the organization, on whose behalf connections are kept."""

    id: str = field(default_factory=lambda: new_id("cus"))
    name: str


@dataclass(frozen=True, kw_only=True)
class Instance(Owned):
    """A program that runs for a customer and fetches credentials with its own proxy key."""

    id: str = field(default_factory=lambda: new_id("ins"))
    customer: str
    name: str


class Role(StrEnum):
    """What a person may do in the organization."""

    OWNER = "owner"
    """Everything, and invite others; the first user is one."""
    MEMBER = "member"
    """Everything but what concerns the users themselves."""


@dataclass(frozen=True, kw_only=True)
class User(Owned):
    """A person who signs in."""

    id: str = field(default_factory=lambda: new_id("usr"))
    name: str
    email: str | None = None
    password_hash: str | None = None
    """argon2id; None for a user who can only come in by a login link."""
    role: Role = Role.MEMBER
    disabled: bool = False


class KeyKind(StrEnum):
    """What a machine key opens; a key of one kind never opens another kind's door."""

    INTEGRATOR = "integrator"
    PARTNER = "partner"
    BROKER = "broker"
    PROXY = "proxy"
    ACCESS = "access"
    """A partner's access token: short-lived, issued for a partner key."""
    SESSION = "session"
    """A person who is signed in, on one device."""
    LINK = "link"
    """A link that signs a person in, once."""
    INVITE = "invite"
    """Leave for one person to sign up."""
    ONCE = "once"
    """Lent to a function that is called, for as long as it runs."""


@dataclass(frozen=True, kw_only=True)
class Key(Owned):
    """A machine key. The key itself is shown once and never stored."""

    id: str = field(default_factory=lambda: new_id("key"))
    name: str
    kind: KeyKind
    digest: str
    """HMAC-SHA256 of the key, hex: what a presented key is looked up by. Unique."""
    secret_digest: str | None = None
    """For kinds with a second half (client id and client secret)."""
    instance: str | None = None
    """Proxy keys: the instance that shows itself with it."""
    user: str | None = None
    """Sessions and links: the person they stand for."""
    parent: str | None = None
    """Access tokens: the key they were issued for."""
    hint: str = ""
    """The first characters of the key, by which its owner knows it again; too few to be of use."""
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def opens(self, at: datetime) -> bool:
        """Whether it still opens anything at that moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)
