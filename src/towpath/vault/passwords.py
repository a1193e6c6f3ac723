"""Passwords of people: argon2id. Machine keys are random and need no slow hash."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

_HASHER = PasswordHasher()


def hash_password(password: SecretStr) -> str:
    """What to store: argon2id with a random salt and today's parameters, which it names itself."""
    return _HASHER.hash(password.get_secret_value())


def verify_password(stored: str | None, password: SecretStr) -> bool:
    """Whether the password is the stored one. Without one (None) it is not, and that takes as long."""
    try:
        fits = _HASHER.verify(stored or _nobody(), password.get_secret_value())
    except (VerificationError, InvalidHashError):
        return False
    return fits and bool(stored)


def is_outdated(stored: str) -> bool:
    """Whether a password that fits this should be hashed once more: parameters have changed since."""
    try:
        return _HASHER.check_needs_rehash(stored)
    except InvalidHashError:
        return True


@cache
def _nobody() -> str:
    return hash_password(SecretStr("nobody"))
