"""Coming in: signing up, signing in, changing the password."""

from dataclasses import replace

from pydantic import SecretStr

from towpath.core.errors import AuthError
from towpath.core.records import Key, KeyKind, User, now
from towpath.core.repositories import UnitOfWork
from towpath.services.context import UseCases, audit
from towpath.services.people.onetime import known
from towpath.services.people.sessions import Sessions
from towpath.services.people.users import (
    MAXIMUM_PASSWORD,
    add_user,
    end_sessions,
    new_user,
)
from towpath.vault import hash_password, is_outdated, verify_password


class Accounts(UseCases):
    """The use cases of whoever is at the door. Those that hash a password are slow: that is meant."""

    @property
    def home(self) -> str:
        """The organization that people sign in to here."""
        with self.rooms.store.read() as work:
            return work.organizations.list()[0].id

    def sign_up(
        self, org: str, name: str, password: SecretStr, email: str | None = None, invitation: str = ""
    ) -> User:
        """A new user: the organization's first, one who was invited, or anybody where that is set.

        Raises `AuthError` (``signup.closed``, ``invitation.invalid``), `ConfigError`, `ConflictError`
        (``user.exists``), after which the invitation is as good as before.
        """
        _ = self.rooms.vault
        with self.rooms.store.read() as work:
            # Who may not come in is told before anything is hashed.
            self._leave(work, org, invitation)
        row = new_user(org, name, password, email)
        with self.rooms.store.begin() as work:
            work.organizations.hold(org)
            leave = self._leave(work, org, invitation)
            if leave is not None and not work.keys.spend(org, leave.id, now()):
                raise _no_invitation()
            return add_user(work, self.actor, row)

    def _leave(self, work: UnitOfWork, org: str, invitation: str) -> Key | None:
        """The invitation by which one may sign up now; None if none is needed."""
        if invitation:
            found = known(self.rooms, work, KeyKind.INVITE, invitation)
            if found is None or found.org != org:
                raise _no_invitation()
            return found
        if self.rooms.open_signup or not work.users.list(org, limit=1):
            return None
        raise AuthError(
            "signup.closed",
            "Signing up needs an invitation.",
            hint="Ask an owner for one, or the operator of the server: `towpath users invite`.",
        )

    def sign_in(self, org: str, name: str, password: SecretStr, before: str = "") -> tuple[User, SecretStr]:
        """The user, and a new session's token. The session ``before``, whose token the browser had, ends.

        Raises `AuthError` (``login.failed``): one and the same for whatever was wrong, after the same time.
        """
        with self.rooms.store.read() as work:
            user = work.users.find(org, name=name.strip())
        if not _fits(user, password) or user is None:
            raise _failed()
        digest = hash_password(password) if is_outdated(user.password_hash or "") else None
        with self.sealing() as work:
            # Who changes the password or disables the user meanwhile ends the sessions that there are.
            work.organizations.hold(org)
            now_is = work.users.get(org, user.id)
            if now_is.disabled or now_is.password_hash != user.password_hash:
                raise _failed()
            if digest:
                work.users.update(org, user.id, password_hash=digest)
            self._end(work, before)
            return user, Sessions(self.rooms, self.actor).open_in(work, org, user)

    def sign_out(self, *tokens: str) -> None:
        """End the sessions with these tokens; any other text changes nothing."""
        with self.sealing() as work:
            for token in tokens:
                self._end(work, token)

    def _end(self, work: UnitOfWork, token: str) -> None:
        row = known(self.rooms, work, KeyKind.SESSION, token)
        if row is not None:
            # Whoever has the token is who it stands for.
            actor = replace(self.actor, name=f"user:{row.name}")
            Sessions(self.rooms, actor).close_in(work, row)

    def change_password(self, user: User, session: Key, current: SecretStr, new: SecretStr) -> None:
        """Every other session of the user ends. ``new`` is a `checked_password`.

        Raises `AuthError` (``password.wrong``).
        """
        digest = hash_password(new)
        if not _fits(user, current):
            raise AuthError(
                "password.wrong",
                "The current password is another one.",
                hint="Without it, an owner can set a new one, or the operator: `towpath users passwd`.",
                field="current_password",
            )
        with self.rooms.store.begin() as work:
            work.organizations.hold(user.org)
            work.users.update(user.org, user.id, password_hash=digest)
            end_sessions(work, user, but=session.id)
            audit(work, user.org, self.actor, "user.password", user.id)

    def follow_link(self, token: str, before: str = "") -> tuple[User, SecretStr]:
        """Spend a login link: whose it is, and a new session's token.

        Raises `AuthError` (``link.invalid``).
        """
        with self.sealing() as work:
            row = known(self.rooms, work, KeyKind.LINK, token)
            if row is None or row.user is None or not work.keys.spend(row.org, row.id, now()):
                raise _no_link()
            user = work.users.get(row.org, row.user)
            if user.disabled:
                raise _no_link()
            self._end(work, before)
            return user, Sessions(self.rooms, self.actor).open_in(work, row.org, user)

    def check(self, kind: KeyKind, token: str) -> None:
        """Look at a login link or invitation without spending it. Raises `AuthError` (``link.invalid``,
        ``invitation.invalid``).
        """
        _ = self.rooms.vault
        with self.rooms.store.read() as work:
            if known(self.rooms, work, kind, token) is None:
                raise _no_link() if kind is KeyKind.LINK else _no_invitation()


def _fits(user: User | None, password: SecretStr) -> bool:
    if len(password.get_secret_value()) > MAXIMUM_PASSWORD:
        return False
    return verify_password(user.password_hash if user else None, password)


def _failed() -> AuthError:
    return AuthError(
        "login.failed",
        "The name or the password is wrong.",
        hint="The operator of the server can let you in: `towpath users link`.",
    )


def _no_invitation() -> AuthError:
    return AuthError(
        "invitation.invalid",
        "The invitation is not good, or not any more.",
        hint="It is good for one person and seven days: ask for a new one.",
        field="invitation",
    )


def _no_link() -> AuthError:
    return AuthError(
        "link.invalid",
        "The link is not good, or not any more.",
        hint="It signs one person in, once, within ten minutes: ask for a new one.",
    )
